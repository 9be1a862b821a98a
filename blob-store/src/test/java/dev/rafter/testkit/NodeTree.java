package dev.rafter.testkit;

import dev.rafter.format.FileNode;
import dev.rafter.format.FileNode.ChunkRef;
import dev.rafter.format.FileNode.Contents.Chunks;
import dev.rafter.format.FileNode.Contents.Inline;
import dev.rafter.format.FileType;
import java.lang.foreign.MemorySegment;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.IdentityHashMap;
import java.util.List;

/** A tree of {@link FileNode}s as a value to compare with. */
public final class NodeTree {
    private final List<MemorySegment> devices;
    private final IdentityHashMap<FileNode, Integer> links = new IdentityHashMap<>();
    private final Tree.Builder tree = new Tree.Builder();

    private NodeTree(List<MemorySegment> devices) {
        this.devices = devices;
    }

    /**
     * The tree below a root.
     *
     * @param devices what chunks refer to
     */
    public static Tree of(FileNode root, List<MemorySegment> devices) {
        NodeTree nodes = new NodeTree(devices);
        nodes.count(root);
        nodes.add("", root);
        return nodes.tree.build();
    }

    private void count(FileNode node) {
        if (links.merge(node, 1, Integer::sum) == 1) {
            node.children().values().forEach(this::count);
        }
    }

    private void add(String path, FileNode node) {
        tree.add(path.isEmpty() ? "/" : path, file(node), System.identityHashCode(node));
        node.children().forEach((name, child) -> add(path + "/" + name, child));
    }

    private TreeFile file(FileNode node) {
        FileType type = node.type();
        boolean device = type == FileType.CHARACTER_DEVICE || type == FileType.BLOCK_DEVICE;
        boolean regular = type == FileType.REGULAR;
        return new TreeFile(
                ImageTree.typeName(type),
                node.permissions(),
                node.uid(),
                node.gid(),
                regular ? node.contents().size() : node.target().length(),
                node.mtimeSeconds() + "." + node.mtimeNanos(),
                "",
                type == FileType.DIRECTORY ? 0 : links.getOrDefault(node, 0),
                device ? node.deviceMajor() + ":" + node.deviceMinor() : "",
                node.target(),
                ImageTree.base64(node.xattrs()),
                regular ? sha256(node) : "");
    }

    private String sha256(FileNode node) {
        MessageDigest digest = ImageTree.newSha256();
        switch (node.contents()) {
            case Inline(byte[] bytes) -> digest.update(bytes);
            case Chunks(long _, List<ChunkRef> chunks) -> chunks.forEach(chunk -> update(digest, chunk));
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private void update(MessageDigest digest, ChunkRef chunk) {
        if (chunk.device() < 0) {
            digest.update(new byte[chunk.size()]);
        } else {
            MemorySegment device = devices.get(chunk.device() - 1);
            digest.update(device.asSlice(chunk.deviceOffset(), chunk.size()).asByteBuffer());
        }
    }
}
