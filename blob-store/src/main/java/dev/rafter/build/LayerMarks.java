package dev.rafter.build;

import dev.rafter.format.FileNode;
import dev.rafter.format.FileType;
import java.util.Collections;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.Set;

/**
 * What in a merged tree is of the layer being merged, so that its whiteouts spare it. It is names that are of a layer, not nodes: a
 * hard link is, while the file that it leads to may be of a lower layer.
 */
final class LayerMarks {
    private static final int IMPLIED_PERMISSIONS = 0755;

    /** To directories, the names in them that the layer has an entry for, or for something below. */
    private final IdentityHashMap<FileNode, Set<String>> names = new IdentityHashMap<>();
    /** Directories that the layer has an entry for. */
    private final Set<FileNode> stated = Collections.newSetFromMap(new IdentityHashMap<>());
    /** Directories in which nothing of lower layers is left. */
    private final Set<FileNode> cleared = Collections.newSetFromMap(new IdentityHashMap<>());

    /** A directory as it is made for files whose parents have no entry. */
    static FileNode impliedDirectory() {
        return new FileNode(FileType.DIRECTORY, IMPLIED_PERMISSIONS);
    }

    void clear() {
        names.clear();
        stated.clear();
        cleared.clear();
    }

    void add(FileNode directory, String name) {
        names.computeIfAbsent(directory, _ -> new HashSet<>()).add(name);
    }

    boolean has(FileNode directory, String name) {
        return names.getOrDefault(directory, Set.of()).contains(name);
    }

    void state(FileNode directory) {
        stated.add(directory);
    }

    /** Removes what lower layers have of a name. */
    void hide(FileNode directory, String name) {
        if (!has(directory, name)) {
            directory.children().remove(name);
            return;
        }
        FileNode child = directory.children().get(name);
        if (child != null && child.type() == FileType.DIRECTORY) {
            forgetAttributes(child);
            hideAll(child);
        }
    }

    /** Removes what lower layers have in a directory. */
    void hideAll(FileNode directory) {
        if (!cleared.add(directory)) {
            return;
        }
        Set<String> own = names.getOrDefault(directory, Set.of());
        directory.children().keySet().retainAll(own);
        for (FileNode child : directory.children().values()) {
            if (child.type() == FileType.DIRECTORY) {
                forgetAttributes(child);
                hideAll(child);
            }
        }
    }

    /** A directory that is hidden, and yet there for what the layer has in it, is an implied one. */
    private void forgetAttributes(FileNode directory) {
        if (!stated.contains(directory)) {
            directory.permissions(IMPLIED_PERMISSIONS).owner(0, 0).mtime(0, 0).xattrs(Collections.emptySortedMap());
        }
    }
}
