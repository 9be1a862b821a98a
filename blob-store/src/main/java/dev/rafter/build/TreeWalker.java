package dev.rafter.build;

import dev.rafter.format.ByteStrings;
import dev.rafter.format.CorruptImageException;
import dev.rafter.format.FileNode;
import dev.rafter.format.FileType;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Finds directories of a merged tree by their names, following symbolic links as a process in a chroot does. */
final class TreeWalker {
    /** As the kernel counts. */
    private static final int MAX_SYMLINKS = 40;
    /** What readers of images take. */
    private static final int MAX_DEPTH = 2048;

    private final FileNode root;
    private final LayerMarks marks;
    private final String resource;
    private final long offset;

    /**
     * @param resource where the path stands, for errors
     * @param offset where in it
     */
    TreeWalker(FileNode root, LayerMarks marks, String resource, long offset) {
        this.root = root;
        this.marks = marks;
        this.resource = resource;
        this.offset = offset;
    }

    /** The directory of an entry of the layer: what is missing is made, what a lower layer has in its way replaced. */
    FileNode make(List<String> names) throws CorruptImageException {
        FileNode directory = walk(names, true);
        if (directory == null) {
            throw new IllegalStateException("directories are made where they are missing");
        }
        return directory;
    }

    /** A directory; null if it is not there. */
    @Nullable
    FileNode find(List<String> names) throws CorruptImageException {
        return walk(names, false);
    }

    private @Nullable FileNode walk(List<String> names, boolean make) throws CorruptImageException {
        Deque<String> pending = new ArrayDeque<>(names);
        List<FileNode> path = new ArrayList<>(List.of(root));
        int links = 0;
        while (!pending.isEmpty()) {
            String name = pending.pop();
            FileNode child = path.getLast().children().get(name);
            if (name.equals("..")) {
                path.subList(Math.max(path.size() - 1, 1), path.size()).clear();
            } else if (child != null && child.type() == FileType.SYMLINK) {
                if (++links > MAX_SYMLINKS) {
                    throw corrupt(names, "leads through more than " + MAX_SYMLINKS + " symbolic links");
                }
                follow(child.target(), pending, path);
            } else {
                FileNode next = make ? enterOrMake(path.getLast(), name, child, names) : child;
                if (next == null || next.type() != FileType.DIRECTORY) {
                    return null;
                }
                path.add(next);
                checkDepth(path, names);
            }
        }
        return path.getLast();
    }

    private static void follow(String target, Deque<String> pending, List<FileNode> path) {
        if (target.startsWith("/")) {
            path.subList(1, path.size()).clear();
        }
        TreePaths.split(target).reversed().forEach(pending::push);
    }

    private FileNode enterOrMake(FileNode parent, String name, @Nullable FileNode there, List<String> names)
            throws CorruptImageException {
        if (there != null && there.type() == FileType.DIRECTORY) {
            marks.add(parent, name);
            return there;
        }
        if (there != null && marks.has(parent, name)) {
            throw corrupt(names, "leads through \"" + ByteStrings.display(name) + "\", which is no directory");
        }
        if (name.length() > TreePaths.MAX_NAME_LENGTH) {
            throw corrupt(names, "has a name of " + name.length() + " bytes");
        }
        FileNode made = LayerMarks.impliedDirectory();
        parent.children().put(name, made);
        marks.add(parent, name);
        return made;
    }

    private void checkDepth(List<FileNode> path, List<String> names) throws CorruptImageException {
        if (path.size() > MAX_DEPTH) {
            throw corrupt(names, "is more than " + MAX_DEPTH + " directories deep");
        }
    }

    private CorruptImageException corrupt(List<String> names, String problem) {
        return new CorruptImageException(
                "the path \"" + shown(String.join("/", names)) + "\" " + problem, resource, offset);
    }

    /** A path for messages, cut where it is long. */
    static String shown(String path) {
        int max = 80;
        return path.length() <= max ? ByteStrings.display(path) : ByteStrings.display(path.substring(0, max)) + "...";
    }
}
