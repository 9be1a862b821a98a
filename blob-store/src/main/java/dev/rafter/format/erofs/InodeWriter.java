package dev.rafter.format.erofs;

import dev.rafter.format.ByteStrings;
import dev.rafter.format.FileNode;
import dev.rafter.format.FileNode.Contents.Chunks;
import dev.rafter.format.FileNode.Contents.Inline;
import dev.rafter.format.FileType;
import dev.rafter.format.erofs.ErofsLayout.InodeHeader;
import java.io.IOException;

/** Writes inodes: header and xattrs, and chunk indexes. */
final class InodeWriter {
    private final NodeTable table;
    private final XattrWriter xattrs;
    private final ChunkWriter chunks;

    InodeWriter(NodeTable table, XattrWriter xattrs, ChunkWriter chunks) {
        this.table = table;
        this.xattrs = xattrs;
        this.chunks = chunks;
    }

    void write(ImageOutput out, int number, NodeShape shape, long startBlock) throws IOException {
        FileNode node = table.node(number);
        if (shape.headerSize() == InodeHeader.COMPACT_SIZE) {
            writeCompact(out, number, node, shape, startBlock);
        } else {
            writeExtended(out, number, node, shape, startBlock);
        }
        xattrs.write(out, node);
    }

    private void writeCompact(ImageOutput out, int number, FileNode node, NodeShape shape, long startBlock)
            throws IOException {
        writeStart(out, node, shape, 0);
        out.u16(table.links(number));
        out.u32(shape.size());
        out.u32(0);
        out.u32(data(node, shape, startBlock));
        out.u32(number + 1L);
        out.u16((int) node.uid());
        out.u16((int) node.gid());
        out.u32(0);
    }

    private void writeExtended(ImageOutput out, int number, FileNode node, NodeShape shape, long startBlock)
            throws IOException {
        writeStart(out, node, shape, InodeHeader.FORMAT_EXTENDED);
        out.u16(0);
        out.u64(shape.size());
        out.u32(data(node, shape, startBlock));
        out.u32(number + 1L);
        out.u32(node.uid());
        out.u32(node.gid());
        out.u64(node.mtimeSeconds());
        out.u32(node.mtimeNanos());
        out.u32(table.links(number));
        out.zeros(InodeHeader.EXTENDED_SIZE - InodeHeader.EXTENDED_LINKS - Integer.BYTES);
    }

    private static void writeStart(ImageOutput out, FileNode node, NodeShape shape, int extended) throws IOException {
        out.u16(extended | (shape.layout() << InodeHeader.FORMAT_LAYOUT_SHIFT));
        out.u16(XattrWriter.count(shape.xattrSize()));
        out.u16(node.type().modeBits() | node.permissions());
    }

    private long data(FileNode node, NodeShape shape, long startBlock) {
        return switch (node.type()) {
            case CHARACTER_DEVICE, BLOCK_DEVICE -> encodeDevice(node.deviceMajor(), node.deviceMinor());
            case REGULAR ->
                shape.layout() == ErofsLayout.CHUNK_BASED && node.contents() instanceof Chunks file
                        ? chunks.format(file)
                        : startBlock;
            case DIRECTORY, SYMLINK, FIFO, SOCKET -> startBlock;
        };
    }

    /** The kernel's new_encode_dev. */
    private static long encodeDevice(int major, int minor) {
        return (minor & 0xFFL) | ((long) major << 8) | ((minor & ~0xFFL) << 12);
    }

    void writeIndex(ImageOutput out, int number) throws IOException {
        if (table.node(number).contents() instanceof Chunks file) {
            chunks.write(out, file);
        }
    }

    static byte[] target(FileNode link) {
        return ByteStrings.bytes(link.target());
    }

    static byte[] contents(FileNode file) {
        if (file.type() == FileType.REGULAR && file.contents() instanceof Inline(byte[] bytes)) {
            return bytes;
        }
        throw new AssertionError("a " + file.type() + " without contents in the image");
    }
}
