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
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

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

    /** Takes the extents of a file in file order, not merged; see {@link Extent}. */
    interface Sink {
        void extent(long fileOffset, long length, int device, long deviceOffset);
    }

    List<Extent> merged(StoredInode file) throws ImageException {
        List<Extent> extents = new ArrayList<>();
        merged(file, extents::add);
        return extents;
    }

    void merged(StoredInode file, Consumer<Extent> use) throws ImageException {
        Merger merger = new Merger(use);
        read(file, merger);
        merger.finish();
    }

    private static final class Merger implements Sink {
        private final Consumer<Extent> use;
        private @Nullable Extent last;

        Merger(Consumer<Extent> use) {
            this.use = use;
        }

        @Override
        public void extent(long fileOffset, long length, int device, long deviceOffset) {
            if (last != null && goesOn(last, device, deviceOffset)) {
                last = new Extent(last.fileOffset(), last.length() + length, device, last.deviceOffset());
            } else {
                finish();
                last = new Extent(fileOffset, length, device, deviceOffset);
            }
        }

        private static boolean goesOn(Extent last, int device, long deviceOffset) {
            return last.device() == device && (last.isHole() || last.deviceOffset() + last.length() == deviceOffset);
        }

        void finish() {
            if (last != null) {
                use.accept(last);
            }
        }
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
            hole(0, length, sink);
        } else {
            devices.resolve(file, -1, 0, length, 0, startBlock, file.offset() + InodeHeader.DATA, sink);
        }
    }

    private void inline(StoredInode file, long startBlock, long tailOffset, Sink sink) throws CorruptImageException {
        long tail = file.size() & (superblock.blockSize() - 1);
        long whole = file.size() - tail;
        if (whole > 0) {
            blocks(file, startBlock, whole, sink);
        }
        if (tail > 0) {
            sink.extent(whole, tail, 0, tailOffset);
        }
    }

    private void chunks(StoredInode file, DataLayout.Chunked chunked, Sink sink) throws CorruptImageException {
        long count = checkTable(file, chunked, chunked.chunkBits());
        for (long i = 0; i < count; i++) {
            long start = i << chunked.chunkBits();
            long length = Math.min(1L << chunked.chunkBits(), file.size() - start);
            chunk(file, chunked, i, start, length, sink);
        }
    }

    private void chunk(StoredInode file, DataLayout.Chunked chunked, long index, long start, long length, Sink sink)
            throws CorruptImageException {
        long entry = chunked.tableOffset() + index * chunked.entrySize();
        long low = image.u32(chunked.indexes() ? entry + Chunk.ADDRESS : entry, "a chunk's address");
        long high = chunked.indexes() ? image.u16(entry + Chunk.ADDRESS_HIGH, "a chunk's address") : 0;
        if (chunked.wide() ? (low | high << 32) == HOLE_48 : low == HOLE_32) {
            hole(start, length, sink);
            return;
        }
        if (!chunked.wide() && high != 0 && dialect == Dialect.EROFS) {
            throw image.corrupt(
                    file.name() + ": the high bits of the address of chunk " + index + " are set to " + high, entry);
        }
        int device = chunked.indexes() ? image.u16(entry + Chunk.DEVICE, "a chunk's device") & deviceMask() : 0;
        long block = chunked.wide() ? low | high << 32 : low;
        devices.resolve(file, index, start, length, device, block, entry, sink);
    }

    /** RAFS keeps numbers of its own above the bits of the device; elsewhere nothing may stand there. */
    private int deviceMask() {
        return dialect == Dialect.RAFS_V6 ? devices.idMask() : 0xFFFF;
    }

    /** The raw entries of a file's chunk index: one per chunk of the given size, whatever chunk size the inode states. */
    ErofsImage.ChunkIndexes rawIndexes(StoredInode file, int chunkBits) throws ImageException {
        if (!(file.layout() instanceof DataLayout.Chunked chunked)) {
            throw notChunked(file);
        }
        if (!chunked.indexes()) {
            throw image.corrupt(file.name() + ": its chunk format lacks the INDEXES bit", file.offset());
        }
        int count = Math.toIntExact(checkTable(file, chunked, chunkBits));
        return new ErofsImage.ChunkIndexes() {
            @Override
            public int count() {
                return count;
            }

            @Override
            public long get(int i) throws CorruptImageException {
                return image.s64(
                        chunked.tableOffset() + (long) Objects.checkIndex(i, count) * Chunk.INDEX_SIZE,
                        "a chunk index");
            }
        };
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

    private static void hole(long start, long length, Sink sink) {
        sink.extent(start, length, Extent.HOLE, 0);
    }
}
