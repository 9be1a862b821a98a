package dev.rafter.build;

import dev.rafter.format.CorruptImageException;
import dev.rafter.format.FileNode;
import dev.rafter.format.FileType;
import dev.rafter.format.tar.TarEntry;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Merges the entries of layers, the lowest layer first, into one tree, as unpacking them one over the other in a chroot would: {@link
 * #beginLayer}, then {@link #apply} for every entry. Not thread safe.
 *
 * <ul>
 *   <li>Paths never leave the root: they are cleaned, and symbolic links on the way are followed within it.
 *   <li>Parents that have no entry are made: owner 0, mode 0755, time 0.
 *   <li>A later entry replaces what is at its path; of a directory over a directory only the attributes.
 *   <li>Whiteouts ({@code .wh.NAME}) and opaque marks ({@code .wh..wh..opq}) hide what lower layers have, wherever in their own layer
 *       they stand, and never what their own layer has.
 *   <li>A hard link leads to a file that is there when its entry comes, of its own layer or a lower one.
 *   <li>Xattrs that no file of Linux can have, as those of other systems, are left out.
 * </ul>
 */
public final class LayerMerger {
    private static final String WHITEOUT = ".wh.";
    private static final String OPAQUE = ".wh..wh..opq";
    /** Aufs' own files. */
    private static final String AUFS = ".wh..wh.";

    private static final int MAX_DEVICE_MAJOR = 0xFFF;
    private static final int MAX_DEVICE_MINOR = 0xFFFFF;
    private static final List<String> XATTR_PREFIXES = List.of("user.", "trusted.", "security.");
    private static final Set<String> XATTR_NAMES = Set.of("system.posix_acl_access", "system.posix_acl_default");

    private final FileNode root = LayerMarks.impliedDirectory();
    private final LayerMarks marks = new LayerMarks();
    private String resource = "";

    /** The tree of all layers so far. */
    public FileNode root() {
        return root;
    }

    /**
     * Goes on to the next layer.
     *
     * @param layer what to call it in errors
     */
    public void beginLayer(String layer) {
        resource = layer;
        marks.clear();
    }

    /**
     * Merges the next entry of the layer.
     *
     * @param offset where in the layer the entry is, for errors
     * @return the regular file that it made, without contents: the caller sets them
     */
    public Optional<FileNode> apply(TarEntry entry, long offset) throws CorruptImageException {
        return new Step(entry, offset).apply();
    }

    /** The merging of one entry. */
    private final class Step {
        private final TarEntry entry;
        private final long offset;
        private final TreeWalker walker;

        Step(TarEntry entry, long offset) {
            this.entry = entry;
            this.offset = offset;
            this.walker = new TreeWalker(root, marks, resource, offset);
        }

        Optional<FileNode> apply() throws CorruptImageException {
            List<String> names = names(entry.name());
            if (names.isEmpty()) {
                applyRoot();
                return Optional.empty();
            }
            String name = names.getLast();
            List<String> parents = names.subList(0, names.size() - 1);
            if (name.startsWith(WHITEOUT)) {
                whiteOut(parents, name);
                return Optional.empty();
            }
            if (parents.stream().anyMatch(parent -> parent.startsWith(AUFS))) {
                return Optional.empty();
            }
            FileNode directory = walker.make(parents);
            Optional<FileNode> file = put(directory, name);
            marks.add(directory, name);
            return file;
        }

        private List<String> names(String path) throws CorruptImageException {
            if (path.length() > TreePaths.MAX_PATH_LENGTH) {
                throw corrupt("the path \"" + TreeWalker.shown(path) + "\" has " + path.length() + " bytes, at most "
                        + TreePaths.MAX_PATH_LENGTH);
            }
            List<String> names = TreePaths.clean(path);
            for (String name : names) {
                if (name.length() > TreePaths.MAX_NAME_LENGTH) {
                    throw corrupt("the name \"" + TreeWalker.shown(name) + "\" has " + name.length()
                            + " bytes, at most " + TreePaths.MAX_NAME_LENGTH);
                }
            }
            return names;
        }

        private void applyRoot() throws CorruptImageException {
            if (entry.type() != FileType.DIRECTORY) {
                throw corrupt("an entry for the root that is no directory");
            }
            setAttributes(root);
            marks.state(root);
        }

        private void whiteOut(List<String> parents, String name) throws CorruptImageException {
            FileNode directory = walker.find(parents);
            if (name.equals(OPAQUE)) {
                if (directory != null) {
                    marks.hideAll(directory);
                }
            } else if (!name.startsWith(AUFS)) {
                String target = name.substring(WHITEOUT.length());
                if (target.isEmpty() || target.equals(".") || target.equals("..")) {
                    throw corrupt("a whiteout of the name \"" + target + "\"");
                }
                if (directory != null) {
                    marks.hide(directory, target);
                }
            }
        }

        private Optional<FileNode> put(FileNode directory, String name) throws CorruptImageException {
            if (entry.hardLink()) {
                directory.children().put(name, linked());
                return Optional.empty();
            }
            FileNode there = directory.children().get(name);
            boolean stays = there != null && there.type() == FileType.DIRECTORY && entry.type() == FileType.DIRECTORY;
            FileNode node = stays && there != null ? there : new FileNode(entry.type(), entry.permissions());
            setAttributes(node);
            setTarget(node);
            if (entry.type() == FileType.DIRECTORY) {
                marks.state(node);
            }
            directory.children().put(name, node);
            return entry.type() == FileType.REGULAR ? Optional.of(node) : Optional.empty();
        }

        private FileNode linked() throws CorruptImageException {
            FileNode file = find(names(entry.target()));
            if (file == null) {
                throw corrupt("a hard link \"" + shownName() + "\" to \"" + TreeWalker.shown(entry.target())
                        + "\", which is not there");
            }
            if (file.type() == FileType.DIRECTORY) {
                throw corrupt("a hard link \"" + shownName() + "\" to the directory \""
                        + TreeWalker.shown(entry.target()) + "\"");
            }
            return file;
        }

        private @Nullable FileNode find(List<String> names) throws CorruptImageException {
            if (names.isEmpty()) {
                return root;
            }
            FileNode directory = walker.find(names.subList(0, names.size() - 1));
            return directory == null ? null : directory.children().get(names.getLast());
        }

        private void setAttributes(FileNode node) {
            node.permissions(entry.permissions())
                    .owner(entry.uid(), entry.gid())
                    .mtime(entry.mtimeSeconds(), entry.mtimeNanos())
                    .xattrs(linuxXattrs(entry.xattrs()));
        }

        private void setTarget(FileNode node) throws CorruptImageException {
            if (node.type() == FileType.SYMLINK) {
                if (entry.target().isEmpty() || entry.target().length() > TreePaths.MAX_PATH_LENGTH) {
                    throw corrupt("the symbolic link \"" + shownName() + "\" has a target of "
                            + entry.target().length() + " bytes");
                }
                node.target(entry.target());
            }
            if (entry.deviceMajor() > MAX_DEVICE_MAJOR || entry.deviceMinor() > MAX_DEVICE_MINOR) {
                throw corrupt("the device node \"" + shownName() + "\" has the number " + entry.deviceMajor() + ":"
                        + entry.deviceMinor());
            }
            node.device(entry.deviceMajor(), entry.deviceMinor());
        }

        private String shownName() {
            return TreeWalker.shown(entry.name());
        }

        private CorruptImageException corrupt(String problem) {
            return new CorruptImageException(problem, resource, offset);
        }
    }

    private static SortedMap<String, byte[]> linuxXattrs(SortedMap<String, byte[]> xattrs) {
        if (xattrs.keySet().stream().allMatch(LayerMerger::isLinuxXattr)) {
            return xattrs;
        }
        SortedMap<String, byte[]> kept = new TreeMap<>(xattrs);
        kept.keySet().removeIf(name -> !isLinuxXattr(name));
        return kept;
    }

    private static boolean isLinuxXattr(String name) {
        return XATTR_NAMES.contains(name)
                || (name.length() <= TreePaths.MAX_NAME_LENGTH
                        && XATTR_PREFIXES.stream()
                                .anyMatch(prefix -> name.startsWith(prefix) && name.length() > prefix.length()));
    }
}
