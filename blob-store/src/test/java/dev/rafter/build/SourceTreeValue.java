package dev.rafter.build;

import dev.rafter.format.FileNode;
import dev.rafter.format.FileType;
import dev.rafter.testkit.ImageTree;
import dev.rafter.testkit.Tree;
import dev.rafter.testkit.TreeFile;
import java.util.HexFormat;
import java.util.IdentityHashMap;

/** A source tree as a value to compare with. */
final class SourceTreeValue {
    private final SourceTree source;
    private final IdentityHashMap<FileNode, Integer> links = new IdentityHashMap<>();
    private final Tree.Builder tree = new Tree.Builder();

    private SourceTreeValue(SourceTree source) {
        this.source = source;
    }

    static Tree of(SourceTree source) {
        SourceTreeValue value = new SourceTreeValue(source);
        value.count(source.root());
        value.add("", source.root());
        return value.tree.build();
    }

    private void count(FileNode node) {
        if (links.merge(node, 1, Integer::sum) == 1) {
            node.children().values().forEach(this::count);
        }
    }

    private void add(String path, FileNode node) {
        tree.add(path.isEmpty() ? "/" : path, file(node), node);
        node.children().forEach((name, child) -> add(path + "/" + name, child));
    }

    private TreeFile file(FileNode node) {
        boolean regular = node.type() == FileType.REGULAR;
        boolean device = node.type() == FileType.CHARACTER_DEVICE || node.type() == FileType.BLOCK_DEVICE;
        return new TreeFile(
                ImageTree.typeName(node.type()),
                node.permissions(),
                node.uid(),
                node.gid(),
                regular ? source.size(node) : node.target().length(),
                node.mtimeSeconds() + "." + node.mtimeNanos(),
                "",
                node.type() == FileType.DIRECTORY ? 0 : links.getOrDefault(node, 0),
                device ? node.deviceMajor() + ":" + node.deviceMinor() : "",
                node.target(),
                ImageTree.base64(node.xattrs()),
                regular ? HexFormat.of().formatHex(source.sha256(node)) : "");
    }
}
