package dev.rafter.format.erofs;

import dev.rafter.format.FileNode;
import dev.rafter.format.UnrepresentableFileException;
import dev.rafter.format.erofs.ErofsLayout.Chunk;
import dev.rafter.format.erofs.ErofsLayout.DeviceSlot;
import dev.rafter.format.erofs.ErofsLayout.SuperblockHeader;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.WritableByteChannel;

/**
 * Writes a tree as an EROFS image. First everything gets its place ({@link #layOut}); then size and inode numbers are known, and the image is
 * written from its first byte to its last, as often as one likes.
 *
 * <pre>
 *   Image --> Zeros^1024, Superblock, Extension, pad 128, DeviceSlot^devices, pad block,
 *             Tables, pad block, SharedXattrs, pad block, Inodes, pad block, DataBlocks
 * </pre>
 *
 * <p>Extension and tables are room for the caller; RAFS v6 keeps its own there, and appends more behind the image. Nid 0 is never given to an inode, since a
 * listing would show it as inode 0, which C libraries skip: the metadata's first block is one before the first inode. The root is the first inode, so that its
 * number fits the superblock's 16 bits.
 *
 * <p>The same tree and options always give the same bytes. The tree must not change until the last {@code write}. Not thread safe.
 */
public final class ErofsWriter {
    private static final long MAX_BLOCKS = 0xFFFF_FFFFL;

    private final ErofsOptions options;
    private final NodeTable table;
    private final XattrWriter xattrs;
    private final DirectoryWriter directories;
    private final ChunkWriter chunks;
    private final NodeShape.Maker shapes;

    private final long deviceTableOffset;
    private final long tablesOffset;
    private final long sharedOffset;
    private final long metaOffset;
    private final long dataOffset;
    private final long size;
    /** By node: its nid, unsigned. */
    private final int[] nids;
    /** By node: the first of its data blocks, counted from the first of all, unsigned. */
    private final int[] startBlocks;

    private long dataBlocks;
    private boolean chunked;

    private ErofsWriter(FileNode root, ErofsOptions options) throws UnrepresentableFileException {
        this.options = options;
        this.table = NodeTable.of(root);
        this.xattrs = XattrWriter.plan(table, options.dialect() == Dialect.EROFS);
        this.directories = new DirectoryWriter(table, options.blockSize());
        this.chunks = new ChunkWriter(options);
        this.shapes = new NodeShape.Maker(options, table, xattrs, directories, chunks);
        this.deviceTableOffset =
                up(ErofsLayout.SUPERBLOCK_OFFSET + SuperblockHeader.SIZE + options.extensionSize(), DeviceSlot.SIZE);
        long devicesEnd = deviceTableOffset + (long) options.devices().size() * DeviceSlot.SIZE;
        this.tablesOffset = blockUp(devicesEnd);
        this.sharedOffset = blockUp(tablesOffset + options.tablesSize());
        long inodesOffset = blockUp(sharedOffset + xattrs.sharedSize());
        this.metaOffset = inodesOffset - options.blockSize();
        this.nids = new int[table.size()];
        this.startBlocks = new int[table.size()];
        this.dataOffset = blockUp(place(inodesOffset));
        this.size = dataOffset + dataBlocks * options.blockSize();
        if (size >>> options.blockBits() > MAX_BLOCKS) {
            throw new IllegalArgumentException("the image would have more than 2^32 blocks");
        }
    }

    /**
     * Gives everything in a tree its place.
     *
     * @throws UnrepresentableFileException if a file has what EROFS has no place for: a name, xattr, owner, device number or target
     * @throws IllegalArgumentException if the tree or its chunks break the promises of {@link FileNode}
     */
    public static ErofsWriter layOut(FileNode root, ErofsOptions options) throws UnrepresentableFileException {
        return new ErofsWriter(root, options);
    }

    /** Bytes of the image, a multiple of the block size. */
    public long size() {
        return size;
    }

    /** Number of inodes: what has several names counts once. */
    public int inodeCount() {
        return table.size();
    }

    /** Where the room of {@link ErofsOptions#tablesSize()} bytes begins. */
    public long tablesOffset() {
        return tablesOffset;
    }

    /** The inode number that a node of the tree gets. */
    public long nid(FileNode node) {
        return nid(table.number(node));
    }

    private long nid(int node) {
        return Integer.toUnsignedLong(nids[node]);
    }

    private static long up(long value, int unit) {
        return (value + unit - 1) & -(long) unit;
    }

    private long blockUp(long value) {
        return up(value, options.blockSize());
    }

    /** Gives every inode its nid and its data blocks; returns the end of the inodes. */
    private long place(long inodesOffset) throws UnrepresentableFileException {
        long end = inodesOffset;
        for (int i = 0; i < table.size(); i++) {
            NodeShape shape = shapes.of(i);
            long offset = fit(up(end, ErofsLayout.NID_UNIT), shape);
            nids[i] = (int) ((offset - metaOffset) / ErofsLayout.NID_UNIT);
            startBlocks[i] = (int) dataBlocks;
            dataBlocks += shape.dataBlocks();
            chunked |= shape.layout() == ErofsLayout.CHUNK_BASED;
            end = offset + shape.bodySize() + shape.tail();
            if (shape.layout() == ErofsLayout.CHUNK_BASED) {
                end = indexOffset(offset, shape) + shape.indexSize();
            }
        }
        return end;
    }

    /** The next place where neither header nor tail crosses a block. */
    private long fit(long offset, NodeShape shape) {
        boolean fits = inBlock(offset) + shape.headerSize() <= options.blockSize()
                && inBlock(offset + shape.bodySize()) + shape.tail() <= options.blockSize();
        return fits ? offset : blockUp(offset);
    }

    private long inBlock(long offset) {
        return offset & (options.blockSize() - 1);
    }

    private static long indexOffset(long inodeOffset, NodeShape shape) {
        return up(inodeOffset + shape.bodySize(), Chunk.INDEX_SIZE);
    }

    /** Writes {@link #size()} bytes. The channel is not closed. */
    public void write(WritableByteChannel channel) throws IOException {
        ImageOutput out = new ImageOutput(channel);
        out.padTo(ErofsLayout.SUPERBLOCK_OFFSET);
        out.bytes(new HeadWriter(options).head(this::putLayout, deviceTableOffset));
        out.padTo(sharedOffset);
        xattrs.writeShared(out);
        InodeWriter inodes = new InodeWriter(table, xattrs, chunks);
        for (int i = 0; i < table.size(); i++) {
            writeInode(out, inodes, i);
        }
        for (int i = 0; i < table.size(); i++) {
            writeData(out, i);
        }
        out.padTo(size);
        out.flush();
    }

    /** Writes {@link #size()} bytes from the start of a segment. */
    public void write(MemorySegment target) {
        try {
            write(new SegmentChannel(target.asSlice(0, size)));
        } catch (IOException e) {
            throw new AssertionError("writing to memory does no I/O", e);
        }
    }

    private void putLayout(HeadWriter.Fields fields) {
        fields.u16(SuperblockHeader.ROOT_NID_2, (int) nid(0));
        fields.u64(SuperblockHeader.INODES, table.size());
        fields.u32(SuperblockHeader.BLOCKS, size >>> options.blockBits());
        fields.u32(SuperblockHeader.META_BLOCK, metaOffset >>> options.blockBits());
        fields.u32(SuperblockHeader.XATTR_BLOCK, xattrs.sharedSize() == 0 ? 0 : sharedOffset >>> options.blockBits());
        int features = (chunked ? ErofsLayout.INCOMPAT_CHUNKED_FILE : 0)
                | (options.devices().isEmpty() ? 0 : ErofsLayout.INCOMPAT_DEVICE_TABLE);
        boolean rafs = options.dialect() == Dialect.RAFS_V6;
        fields.u32(
                SuperblockHeader.FEATURE_INCOMPAT,
                rafs ? ErofsLayout.INCOMPAT_CHUNKED_FILE | ErofsLayout.INCOMPAT_DEVICE_TABLE : features);
    }

    private void writeInode(ImageOutput out, InodeWriter inodes, int node) throws IOException {
        NodeShape shape = shapes.of(node);
        long offset = metaOffset + nid(node) * ErofsLayout.NID_UNIT;
        out.padTo(offset);
        long startBlock = shape.dataBlocks() == 0
                ? 0
                : (dataOffset >>> options.blockBits()) + Integer.toUnsignedLong(startBlocks[node]);
        inodes.write(out, node, shape, startBlock);
        if (shape.layout() == ErofsLayout.CHUNK_BASED) {
            out.padTo(indexOffset(offset, shape));
            inodes.writeIndex(out, node);
        } else if (shape.tail() > 0) {
            writeFlat(out, node, shape.size() - shape.tail(), shape.size());
        }
    }

    private void writeData(ImageOutput out, int node) throws IOException {
        NodeShape shape = shapes.of(node);
        if (shape.dataBlocks() > 0) {
            out.padTo(dataOffset + Integer.toUnsignedLong(startBlocks[node]) * options.blockSize());
            writeFlat(out, node, 0, shape.size() - shape.tail());
        }
    }

    /** Writes a part of a node's flat data, which begins and ends at a block or at the end. */
    private void writeFlat(ImageOutput out, int node, long from, long to) throws IOException {
        FileNode file = table.node(node);
        switch (file.type()) {
            case DIRECTORY -> writeDirectory(out, node, from, to);
            case SYMLINK -> out.bytes(InodeWriter.target(file), (int) from, (int) (to - from));
            default -> out.bytes(InodeWriter.contents(file), (int) from, (int) (to - from));
        }
    }

    private void writeDirectory(ImageOutput out, int node, long from, long to) throws IOException {
        long start = out.position();
        directories.write(node, this::nid, (block, bytes) -> {
            long at = (long) block * options.blockSize();
            if (at >= from && at < to) {
                out.padTo(start + at - from);
                out.bytes(bytes);
            }
        });
    }
}
