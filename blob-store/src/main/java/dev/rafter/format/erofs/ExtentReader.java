package dev.rafter.format.erofs;

import dev.rafter.format.CorruptImageException;
import dev.rafter.format.Extent;
import dev.rafter.format.ImageBytes;
import dev.rafter.format.ImageException;
import dev.rafter.format.UnsupportedImageException;
import dev.rafter.format.erofs.ErofsLayout.Chunk;
import dev.rafter.format.erofs.ErofsLayout.InodeHeader;
import java.util.ArrayList;
import java.util.List;

/** Finds where the bytes of regular files lie. */
final class ExtentReader {
    private static final long HOLE_32 = 0xFFFF_FFFFL;
    private static final long HOLE_48 = 0xFFFF_FFFF_FFFFL;

    private final ImageBytes image;
    private final Superblock superblock;
    private final DeviceTable devices;
    private final Dialect dialect;

    ExtentReader(ImageBytes image, Superblock superblock, DeviceTable devices, Dialect dialect) {
        this.image = image;
        this.superblock = superblock;
        this.devices = devices;
        this.dialect = dialect;
    }

    /** Takes the extents of a file in file order, not merged. */
    interface Sink {
        void extent(Extent extent);
    }

    List<Extent> merged(StoredInode file) throws ImageException {
        List<Extent> extents = new ArrayList<>();
        read(file, extent -> append(extents, extent));
        return extents;
    }

    private static void append(List<Extent> extents, Extent next) {
        Extent last = extents.isEmpty() ? null : extents.getLast();
        if (last != null && follows(last, next)) {
            extents.set(
                    extents.size() - 1,
                    new Extent(last.fileOffset(), last.length() + next.length(), last.device(), last.deviceOffset()));
        } else {
            extents.add(next);
        }
    }

    private static boolean follows(Extent last, Extent next) {
        return last.device() == next.device()
                && (last.isHole() || last.deviceOffset() + last.length() == next.deviceOffset());
    }

    void read(StoredInode file, Sink sink) throws ImageException {
        if (file.size() == 0) {
            return;
        }
        switch (file.layout()) {
            case DataLayout.Plain(long startBlock) -> blocks(file, startBlock, file.size(), sink);
            case DataLayout.Inline(long startBlock, long tailOffset) -> inline(file, startBlock, tailOffset, sink);
            case DataLayout.Chunked chunked -> chunks(file, chunked, sink);
            case DataLayout.Compressed(int layout, long headerOffset) ->
                throw FlatData.compressed(image, file, layout, headerOffset);
            case DataLayout.None _ -> throw new IllegalArgumentException(file.name() + " is not a regular file");
        }
    }

    private void blocks(StoredInode file, long startBlock, long length, Sink sink) throws CorruptImageException {
        if (startBlock == DataLayout.HOLE) {
            sink.extent(hole(0, length));
        } else {
            sink.extent(devices.resolve(
                    0, length, 0, startBlock, "the data of " + file.name(), file.offset() + InodeHeader.DATA));
        }
    }

    private void inline(StoredInode file, long startBlock, long tailOffset, Sink sink) throws CorruptImageException {
        long tail = file.size() & (superblock.blockSize() - 1);
        long whole = file.size() - tail;
        if (whole > 0) {
            blocks(file, startBlock, whole, sink);
        }
        if (tail > 0) {
            sink.extent(new Extent(whole, tail, 0, tailOffset));
        }
    }

    private void chunks(StoredInode file, DataLayout.Chunked chunked, Sink sink) throws CorruptImageException {
        long count = checkTable(file, chunked, chunked.chunkBits());
        for (long i = 0; i < count; i++) {
            long start = i << chunked.chunkBits();
            long length = Math.min(1L << chunked.chunkBits(), file.size() - start);
            sink.extent(chunk(file, chunked, i, start, length));
        }
    }

    private Extent chunk(StoredInode file, DataLayout.Chunked chunked, long index, long start, long length)
            throws CorruptImageException {
        long offset = chunked.tableOffset() + index * chunked.entrySize();
        if (!chunked.indexes()) {
            long block = image.u32(offset, "a chunk's address");
            return block == HOLE_32 ? hole(start, length) : resolve(file, index, start, length, 0, block, offset);
        }
        long low = image.u32(offset + Chunk.ADDRESS, "a chunk's address");
        long high = image.u16(offset + Chunk.ADDRESS_HIGH, "a chunk's address");
        if (chunked.wide() ? (low | high << 32) == HOLE_48 : low == HOLE_32) {
            return hole(start, length);
        }
        if (!chunked.wide() && high != 0 && dialect == Dialect.EROFS) {
            throw image.corrupt(
                    file.name() + ": the high bits of the address of chunk " + index + " are set to " + high, offset);
        }
        int device = image.u16(offset + Chunk.DEVICE, "a chunk's device") & deviceMask();
        long block = chunked.wide() ? low | high << 32 : low;
        return resolve(file, index, start, length, device, block, offset);
    }

    /** RAFS keeps numbers of its own above the bits of the device; elsewhere nothing may stand there. */
    private int deviceMask() {
        return dialect == Dialect.RAFS_V6 ? devices.idMask() : 0xFFFF;
    }

    private Extent resolve(
            StoredInode file, long index, long start, long length, int device, long block, long entryOffset)
            throws CorruptImageException {
        return devices.resolve(start, length, device, block, file.name() + ": chunk " + index, entryOffset);
    }

    /**
     * The raw entries of a file's chunk index, eight bytes each: one per chunk of the given size, whatever chunk size the inode
     * states.
     */
    long[] rawIndexes(StoredInode file, int chunkBits) throws ImageException {
        if (!(file.layout() instanceof DataLayout.Chunked chunked)) {
            throw notChunked(file);
        }
        if (!chunked.indexes()) {
            throw image.corrupt(file.name() + ": its chunk format lacks the INDEXES bit", file.offset());
        }
        long[] entries = new long[Math.toIntExact(checkTable(file, chunked, chunkBits))];
        for (int i = 0; i < entries.length; i++) {
            entries[i] = image.s64(chunked.tableOffset() + (long) i * Chunk.INDEX_SIZE, "a chunk index");
        }
        return entries;
    }

    private UnsupportedImageException notChunked(StoredInode file) throws CorruptImageException {
        if (file.layout() instanceof DataLayout.Compressed(int layout, long headerOffset)) {
            return FlatData.compressed(image, file, layout, headerOffset);
        }
        throw image.corrupt(file.name() + " is not chunk-based", file.offset());
    }

    /** The number of a file's chunks, whose table is there. */
    private long checkTable(StoredInode file, DataLayout.Chunked chunked, int chunkBits) throws CorruptImageException {
        long count = chunkCount(file.size(), chunkBits);
        long room = Math.max(0, image.length() - chunked.tableOffset());
        if (count > room / chunked.entrySize()) {
            throw image.corrupt(
                    file.name() + ": the index of its " + count + " chunks (" + file.size()
                            + " bytes) reaches over the end of the image",
                    chunked.tableOffset());
        }
        return count;
    }

    static long chunkCount(long size, int chunkBits) {
        return size == 0 ? 0 : ((size - 1) >>> chunkBits) + 1;
    }

    private static Extent hole(long start, long length) {
        return new Extent(start, length, Extent.HOLE, 0);
    }
}
