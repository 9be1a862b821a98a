package dev.rafter.build;

import dev.rafter.format.ByteStrings;
import dev.rafter.format.CorruptImageException;
import dev.rafter.format.FileNode;
import dev.rafter.format.FileType;
import dev.rafter.format.tar.TarEntry;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Merges layers into one tree, the lowest first. Within a layer, whiteouts speak of the layers below, wherever they stand; all else is laid
 * in the order of the tar. Paths are those of a process whose root is the tree: "/" and ".." lead nowhere outside, and symbolic links on
 * the way are followed inside. Not thread safe.
 */
final class LayerMerger {
    private static final String WHITEOUT = ".wh.";
    private static final String OPAQUE = ".wh..wh..opq";
    private static final int IMPLIED_MODE = 0755;
    private static final int MOST_LINKS = 40;
    private static final int DEEPEST = 2048;
    private static final int LONGEST_NAME = 255;

    private final FileNode root = new FileNode(FileType.DIRECTORY, IMPLIED_MODE);
    private final IdentityHashMap<FileNode, List<LayerChunk>> chunks = new IdentityHashMap<>();

    FileNode root() {
        return root;
    }

    /** The chunks of a file of the tree. */
    List<LayerChunk> chunksOf(FileNode file) {
        return chunks.getOrDefault(file, List.of());
    }

    /**
     * Lays a layer over what is there.
     *
     * @param layer which one, for messages
     * @throws CorruptImageException if an entry makes no sense; it names the entry
     */
    void add(List<LayerEntry> entries, String layer) throws CorruptImageException {
        for (LayerEntry entry : entries) {
            if (name(entry).startsWith(WHITEOUT)) {
                whiteOut(entry.entry(), layer);
            }
        }
        for (LayerEntry entry : entries) {
            if (!name(entry).startsWith(WHITEOUT)) {
                lay(entry, layer);
            }
        }
    }

    private static String name(LayerEntry entry) {
        List<String> path = split(entry.entry().path());
        return path.isEmpty() ? "" : path.getLast();
    }

    private static List<String> split(String path) {
        return Arrays.stream(path.split("/", -1))
                .filter(part -> !part.isEmpty() && !part.equals("."))
                .toList();
    }

    private void whiteOut(TarEntry entry, String layer) throws CorruptImageException {
        List<String> path = split(entry.path());
        FileNode directory = find(path.subList(0, path.size() - 1));
        String name = path.getLast();
        if (name.equals(OPAQUE)) {
            if (directory != null) {
                directory.children().clear();
            }
            return;
        }
        String hidden = name.substring(WHITEOUT.length());
        if (hidden.isEmpty() || hidden.equals(".") || hidden.equals("..")) {
            throw wrong("a whiteout of \"" + hidden + "\"", entry, layer);
        }
        if (directory != null && !hidden.startsWith(".wh.")) {
            directory.children().remove(hidden);
        }
    }

    /** The directory at a path; null if there is none. */
    private @Nullable FileNode find(List<String> path) {
        FileNode found = walk(path, false);
        return found != null && found.type() == FileType.DIRECTORY ? found : null;
    }

    private void lay(LayerEntry laid, String layer) throws CorruptImageException {
        TarEntry entry = laid.entry();
        List<String> path = split(entry.path());
        if (!path.isEmpty() && path.getLast().equals("..")) {
            throw wrong("it ends in \"..\"", entry, layer);
        }
        if (path.isEmpty()) {
            layRoot(entry, layer);
            return;
        }
        String name = path.getLast();
        if (name.length() > LONGEST_NAME || path.size() > DEEPEST) {
            throw wrong(
                    path.size() > DEEPEST
                            ? "it lies " + path.size() + " directories deep"
                            : "a name of " + name.length() + " bytes",
                    entry,
                    layer);
        }
        FileNode parent = walk(path.subList(0, path.size() - 1), true);
        if (parent == null) {
            throw wrong("symbolic links on its way lead in circles", entry, layer);
        }
        if (entry.hardLink()) {
            parent.children().put(name, linked(entry, parent.children().get(name), layer));
        } else {
            place(parent, name, laid);
        }
    }

    private void layRoot(TarEntry entry, String layer) throws CorruptImageException {
        if (entry.type() != FileType.DIRECTORY) {
            throw wrong("the root is to be a directory", entry, layer);
        }
        describe(root, entry);
    }

    private void place(FileNode parent, String name, LayerEntry laid) {
        TarEntry entry = laid.entry();
        FileNode there = parent.children().get(name);
        if (there != null && there.type() == FileType.DIRECTORY && entry.type() == FileType.DIRECTORY) {
            describe(there, entry);
            return;
        }
        FileNode node = new FileNode(entry.type(), entry.permissions());
        describe(node, entry);
        if (entry.type() == FileType.REGULAR) {
            chunks.put(node, laid.chunks());
        }
        parent.children().put(name, node);
    }

    private static void describe(FileNode node, TarEntry entry) {
        node.permissions(entry.permissions())
                .owner(entry.uid(), entry.gid())
                .mtime(entry.mtimeSeconds(), entry.mtimeNanos())
                .device(entry.deviceMajor(), entry.deviceMinor())
                .target(entry.target())
                .xattrs(entry.xattrs());
    }

    private FileNode linked(TarEntry entry, @Nullable FileNode there, String layer) throws CorruptImageException {
        List<String> path = split(entry.target());
        FileNode directory = path.isEmpty() ? null : find(path.subList(0, path.size() - 1));
        FileNode target = directory == null ? null : directory.children().get(path.getLast());
        if (target == null) {
            throw wrong(
                    "a hard link to \"" + ByteStrings.display(entry.target()) + "\", which is not there", entry, layer);
        }
        if (target.type() == FileType.DIRECTORY) {
            throw wrong("a hard link to the directory \"" + ByteStrings.display(entry.target()) + "\"", entry, layer);
        }
        if (target == there && split(entry.path()).equals(path)) {
            throw wrong("a hard link to itself", entry, layer);
        }
        return target;
    }

    /**
     * Walks from the root along directories and, inside the tree, symbolic links.
     *
     * @param make whether directories that are missing, or whose place something else takes, are made
     * @return where the way ends; null if it ends nowhere
     */
    private @Nullable FileNode walk(List<String> path, boolean make) {
        Deque<FileNode> way = new ArrayDeque<>(List.of(root));
        Deque<String> rest = new ArrayDeque<>(path);
        int links = 0;
        while (!rest.isEmpty()) {
            String name = rest.pop();
            FileNode here = way.getLast();
            if (name.equals("..")) {
                if (way.size() > 1) {
                    way.removeLast();
                }
                continue;
            }
            FileNode next = here.children().get(name);
            if (next != null && next.type() == FileType.SYMLINK) {
                if (++links > MOST_LINKS || rest.size() > DEEPEST) {
                    return null;
                }
                follow(next.target(), way, rest);
                continue;
            }
            if (next == null || next.type() != FileType.DIRECTORY) {
                if (!make) {
                    return null;
                }
                next = new FileNode(FileType.DIRECTORY, IMPLIED_MODE);
                here.children().put(name, next);
            }
            way.addLast(next);
        }
        return way.getLast();
    }

    private void follow(String target, Deque<FileNode> way, Deque<String> rest) {
        if (target.startsWith("/")) {
            way.clear();
            way.add(root);
        }
        List<String> parts = new ArrayList<>(split(target));
        for (String part : parts.reversed()) {
            rest.push(part);
        }
    }

    private static CorruptImageException wrong(String problem, TarEntry entry, String layer) {
        return new CorruptImageException(
                "entry \"" + ByteStrings.display(entry.path()) + "\": " + problem,
                layer,
                CorruptImageException.NO_OFFSET);
    }
}
