package dev.rafter.format.erofs;

import dev.rafter.format.Extent;
import dev.rafter.format.FileNode.ChunkRef;
import dev.rafter.format.FileNode.Contents.Chunks;
import dev.rafter.format.erofs.ErofsLayout.Chunk;
import java.io.IOException;
import java.util.List;

/** Writes the chunk format and the index of chunk-based files. */
final class ChunkWriter {
    private static final long HOLE = 0xFFFF_FFFFL;
    private static final int MAX_FORMAT_BITS = 31;
    private static final int MAX_RAFS_CHUNK = 0xFF_FFFF;

    private final ErofsOptions options;

    ChunkWriter(ErofsOptions options) {
        this.options = options;
    }

    /** Refuses chunks that break the promises of {@link Chunks}, or lie outside of their device. */
    void check(Chunks contents) {
        long rest = contents.size();
        List<ChunkRef> chunks = contents.chunks();
        for (int i = 0; i < chunks.size(); i++) {
            ChunkRef chunk = chunks.get(i);
            boolean last = i == chunks.size() - 1;
            require(
                    last
                            ? chunk.size() == rest
                            : chunk.size() == chunks.getFirst().size(),
                    chunk,
                    "has an unfit size");
            require(chunk.size() <= 1L << bits(contents), chunk, "is larger than the chunks of the file");
            require(
                    chunk.device() == Extent.HOLE
                            || chunk.device() <= options.devices().size(),
                    chunk,
                    "has no device");
            require(chunk.device() == Extent.HOLE || fits(chunk), chunk, "lies outside of its device");
            rest -= chunk.size();
        }
        if (rest != 0) {
            throw new IllegalArgumentException("chunks of a file of " + contents.size() + " bytes lack " + rest);
        }
    }

    private static void require(boolean holds, ChunkRef chunk, String problem) {
        if (!holds) {
            throw new IllegalArgumentException(chunk + " " + problem);
        }
    }

    private boolean fits(ChunkRef chunk) {
        Device device = options.devices().get(chunk.device() - 1);
        long end = chunk.deviceOffset() + chunk.size();
        boolean aligned = (chunk.deviceOffset() & (options.blockSize() - 1)) == 0;
        return aligned
                && chunk.deviceOffset() >= 0
                && end <= device.blocks() << options.blockBits()
                && (options.dialect() == Dialect.EROFS || (chunk.index() >= 0 && chunk.index() <= MAX_RAFS_CHUNK));
    }

    /** The low 16 bits of a chunk-based inode's data field. */
    int format(Chunks contents) {
        int bits = options.contiguousFilesAsOneChunk() && isContiguous(contents)
                ? ceilLog2(contents.size())
                : bits(contents);
        int relative = Math.max(bits, options.blockBits()) - options.blockBits();
        return Chunk.FORMAT_INDEXES | Math.min(relative, MAX_FORMAT_BITS);
    }

    /** log2 of the chunk size that the index goes by. */
    private int bits(Chunks contents) {
        if (options.chunkBits() != 0) {
            return options.chunkBits();
        }
        long largest =
                contents.chunks().isEmpty() ? 1 : contents.chunks().getFirst().size();
        return Math.max(ceilLog2(largest), options.blockBits());
    }

    private static int ceilLog2(long value) {
        return Long.SIZE - Long.numberOfLeadingZeros(value - 1);
    }

    private static boolean isContiguous(Chunks contents) {
        List<ChunkRef> chunks = contents.chunks();
        for (int i = 1; i < chunks.size(); i++) {
            ChunkRef before = chunks.get(i - 1);
            ChunkRef chunk = chunks.get(i);
            if (chunk.device() != before.device()
                    || chunk.device() == Extent.HOLE
                    || chunk.deviceOffset() != before.deviceOffset() + before.size()) {
                return false;
            }
        }
        return chunks.size() > 1;
    }

    void write(ImageOutput out, Chunks contents) throws IOException {
        for (ChunkRef chunk : contents.chunks()) {
            if (chunk.device() == Extent.HOLE) {
                out.u32(0);
                out.u32(HOLE);
            } else {
                writeIndex(out, chunk);
            }
        }
    }

    private void writeIndex(ImageOutput out, ChunkRef chunk) throws IOException {
        boolean rafs = options.dialect() == Dialect.RAFS_V6;
        out.u16(rafs ? chunk.index() & 0xFFFF : 0);
        out.u16(rafs ? chunk.device() | ((chunk.index() >>> 16) << 8) : chunk.device());
        out.u32(chunk.deviceOffset() >>> options.blockBits());
    }
}
