package dev.rafter.format.rafs;

import dev.rafter.format.CorruptImageException;
import dev.rafter.format.ImageBytes;
import dev.rafter.format.rafs.RafsLayout.ChunkInfoV1;
import dev.rafter.format.rafs.RafsLayout.ChunkInfoV2;
import dev.rafter.format.rafs.RafsLayout.InflateContext;
import dev.rafter.format.rafs.RafsLayout.MetaHeader;
import java.lang.foreign.MemorySegment;

/**
 * The chunk infos of a blob: for every chunk its range in the device and in the stored bytes, and the contexts of batches and of gzip
 * checkpoints (zran). Where to fetch them says {@link RafsBlob#meta()}. A view: every access reads, and checks, the bytes given.
 */
public final class RafsBlobMeta {
    private final ImageBytes infos;
    private final RafsBlob blob;
    private final boolean wide;
    private final long contextOffset;
    private final int contextCount;

    private RafsBlobMeta(ImageBytes infos, RafsBlob blob, boolean wide, long contextOffset, int contextCount) {
        this.infos = infos;
        this.blob = blob;
        this.wide = wide;
        this.contextOffset = contextOffset;
        this.contextCount = contextCount;
    }

    /**
     * Checks the header and the size of the chunk infos.
     *
     * @param infos decompressed, {@code blob.meta().sizeBytes()} bytes
     * @param header the 4096 bytes that follow the stored chunk infos
     * @param resource what to call them in errors
     */
    public static RafsBlobMeta parse(RafsBlob blob, MemorySegment infos, MemorySegment header, String resource)
            throws CorruptImageException {
        ImageBytes headerBytes = new ImageBytes(header, resource + " (chunk info header)");
        ImageBytes infoBytes = new ImageBytes(infos, resource + " (chunk infos)");
        checkHeader(blob, headerBytes);
        if (infoBytes.length() != blob.meta().sizeBytes()) {
            throw infoBytes.corrupt(
                    "chunk infos of " + infoBytes.length() + " bytes instead of "
                            + blob.meta().sizeBytes(),
                    CorruptImageException.NO_OFFSET);
        }
        boolean wide = blob.has(BlobFeatures.CHUNK_INFO_V2);
        long contextOffset = headerBytes.u63(MetaHeader.CONTEXT_OFFSET, "offset of contexts");
        long contextCount = headerBytes.u32(MetaHeader.CONTEXT_COUNT, "number of contexts");
        if (blob.isBatched() || blob.isZran()) {
            checkContexts(blob, infoBytes, contextOffset, contextCount);
        }
        return new RafsBlobMeta(infoBytes, blob, wide, contextOffset, (int) contextCount);
    }

    private static void checkHeader(RafsBlob blob, ImageBytes header) throws CorruptImageException {
        header.check(0, MetaHeader.SIZE, "the chunk info header");
        if (header.u32(MetaHeader.MAGIC, "magic") != Integer.toUnsignedLong(MetaHeader.MAGIC_VALUE)
                || header.u32(MetaHeader.MAGIC_AT_END, "magic") != Integer.toUnsignedLong(MetaHeader.MAGIC_VALUE)) {
            throw header.corrupt("no magic of a chunk info header", MetaHeader.MAGIC);
        }
        int layout = BlobFeatures.CHUNK_INFO_V2 | BlobFeatures.ZRAN | BlobFeatures.BATCH | BlobFeatures.ENCRYPTED;
        long features = header.u32(MetaHeader.FEATURES, "features");
        if ((features & layout) != (blob.features() & layout)) {
            throw header.corrupt(
                    "features 0x%x contradict the blob table's 0x%x".formatted(features, blob.features()),
                    MetaHeader.FEATURES);
        }
        RafsBlob.Meta meta = blob.meta();
        expect(header, MetaHeader.COMPRESSOR, meta.compressor().number(), "compressor", Integer.BYTES);
        expect(header, MetaHeader.ENTRIES, blob.chunkCount(), "number of chunks", Integer.BYTES);
        expect(header, MetaHeader.OFFSET, meta.offset(), "offset", Long.BYTES);
        expect(header, MetaHeader.COMPRESSED_SIZE, meta.storedSizeBytes(), "stored size", Long.BYTES);
        expect(header, MetaHeader.UNCOMPRESSED_SIZE, meta.sizeBytes(), "size", Long.BYTES);
    }

    private static void expect(ImageBytes header, int offset, long expected, String what, int size)
            throws CorruptImageException {
        long value = size == Long.BYTES ? header.s64(offset, what) : header.u32(offset, what);
        if (value != expected) {
            throw header.corrupt(what + " " + value + " instead of the blob table's " + expected, offset);
        }
    }

    private static void checkContexts(RafsBlob blob, ImageBytes infos, long offset, long count)
            throws CorruptImageException {
        long infosSize = (long) blob.chunkCount() * ChunkInfoV2.SIZE;
        if (!blob.has(BlobFeatures.CHUNK_INFO_V2)
                || offset < infosSize
                || count > blob.meta().sizeBytes()) {
            throw infos.corrupt(count + " contexts at " + offset, CorruptImageException.NO_OFFSET);
        }
        infos.check(offset, count * InflateContext.SIZE, "the table of contexts");
    }

    public int chunkCount() {
        return blob.chunkCount();
    }

    /** First byte of a chunk in the device. */
    public long deviceOffset(int chunk) throws CorruptImageException {
        long word = word(chunk, 0);
        return wide ? (word & 0xFFFF_FFFFL) << 12 : word & 0xFFF_FFFF_F000L;
    }

    public int sizeBytes(int chunk) throws CorruptImageException {
        long word = word(chunk, 0);
        long size = (wide ? (word >>> 32) & 0xFF_FFFF : sizeV1(word, 8)) + 1;
        if (size > blob.chunkSizeBytes() || deviceOffset(chunk) > blob.deviceSizeBytes() - size) {
            throw corrupt(chunk, size + " bytes at " + deviceOffset(chunk) + " of its device");
        }
        return (int) size;
    }

    /** First stored byte of a chunk, or of the batch that holds it, in the blob; without meaning for zran. */
    public long storedOffset(int chunk) throws CorruptImageException {
        return word(chunk, 1) & 0xFF_FFFF_FFFFL;
    }

    /** Stored bytes of a chunk; without meaning for chunks of batches. */
    public int storedSizeBytes(int chunk) throws CorruptImageException {
        long word = word(chunk, 1);
        return (int) (wide ? word >>> 40 : sizeV1(word, 40) + 1);
    }

    /** Low 20 bits of a size at bit 44, its high 4 bits at {@code highBit}. */
    private static long sizeV1(long word, int highBit) {
        return (word >>> 44) | (((word >>> highBit) & 0xF) << 20);
    }

    public boolean isInBatch(int chunk) throws CorruptImageException {
        return (flags(chunk) & ChunkInfoV2.FLAG_BATCH) != 0;
    }

    private long flags(int chunk) throws CorruptImageException {
        return wide ? word(chunk, 0) >>> 56 : 0;
    }

    /**
     * The frame that holds a chunk.
     *
     * @param digest of the chunk, which chunk infos do not have
     */
    RafsChunk chunk(int chunk, byte[] digest) throws CorruptImageException {
        if ((flags(chunk) & (ChunkInfoV2.FLAG_ZRAN | ChunkInfoV2.FLAG_ENCRYPTED)) != 0) {
            throw corrupt(chunk, "flags 0x%x contradict the blob's features".formatted(flags(chunk)));
        }
        return isInBatch(chunk) ? inBatch(chunk, digest) : single(chunk, digest);
    }

    private RafsChunk single(int chunk, byte[] digest) throws CorruptImageException {
        int size = sizeBytes(chunk);
        int stored = storedSizeBytes(chunk);
        if (stored == 0 || stored > size || storedOffset(chunk) > blob.dataSizeBytes() - stored) {
            throw corrupt(chunk, size + " bytes, stored in " + stored + " bytes at " + storedOffset(chunk));
        }
        return new RafsChunk(chunk, deviceOffset(chunk), size, storedOffset(chunk), stored, size, 0, digest);
    }

    private RafsChunk inBatch(int chunk, byte[] digest) throws CorruptImageException {
        long word = word(chunk, 2);
        long batch = word >>> 32;
        long offset = word & 0xFFFF_FFFFL;
        long stored = context(batch, InflateContext.BATCH_COMPRESSED_SIZE);
        long batchSize = context(batch, InflateContext.BATCH_UNCOMPRESSED_SIZE);
        int size = sizeBytes(chunk);
        if (offset > batchSize - size || batchSize > RafsLayout.MAX_CHUNK_SIZE || stored == 0 || stored > batchSize) {
            throw corrupt(
                    chunk,
                    size + " bytes at " + offset + " in batch " + batch + " of " + batchSize + " bytes, stored in "
                            + stored);
        }
        if (storedOffset(chunk) > blob.dataSizeBytes() - stored) {
            throw corrupt(chunk, "its batch, " + stored + " bytes at " + storedOffset(chunk) + ", leaves the data");
        }
        return new RafsChunk(
                chunk,
                deviceOffset(chunk),
                size,
                storedOffset(chunk),
                (int) stored,
                (int) batchSize,
                (int) offset,
                digest);
    }

    private long context(long number, int field) throws CorruptImageException {
        if (number >= contextCount) {
            throw infos.corrupt("context " + number + " of " + contextCount, CorruptImageException.NO_OFFSET);
        }
        return infos.u32(contextOffset + number * InflateContext.SIZE + field, "a context");
    }

    /** Number of batches, or of checkpoints in a gzip stream. */
    public int contextCount() {
        return contextCount;
    }

    /** The number of the checkpoint from which a chunk of a gzip layer is decoded. */
    public int zranContextOf(int chunk) throws CorruptImageException {
        long number = word(chunk, 2) >>> 32;
        if (number >= contextCount) {
            throw corrupt(chunk, "checkpoint " + number + " of " + contextCount);
        }
        return (int) number;
    }

    /** Where a chunk of a gzip layer begins in what its checkpoint decodes to. */
    public int offsetInZranContext(int chunk) throws CorruptImageException {
        ZranContext context = zranContext(zranContextOf(chunk));
        long offset = word(chunk, 2) & 0xFFFF_FFFFL;
        if (offset > context.outSizeBytes() - sizeBytes(chunk)) {
            throw corrupt(chunk, "offset " + offset + " in a slice of " + context.outSizeBytes() + " bytes");
        }
        return (int) offset;
    }

    /**
     * A checkpoint in a gzip stream.
     *
     * @param inOffset first stored byte, in the gzip layer
     * @param inSizeBytes stored bytes until all of the slice is decoded
     * @param outOffset of the slice in the decompressed layer
     * @param outSizeBytes of the slice
     * @param dictionary the window before the checkpoint, up to 32 KiB
     * @param bits of {@code firstByte} that belong to the checkpoint, 0 to 7
     */
    public record ZranContext(
            long inOffset,
            int inSizeBytes,
            long outOffset,
            int outSizeBytes,
            MemorySegment dictionary,
            int firstByte,
            int bits) {}

    public ZranContext zranContext(int number) throws CorruptImageException {
        long at = contextOffset + (long) number * InflateContext.SIZE;
        long dictOffset = infos.u63(at + InflateContext.ZRAN_DICT_OFFSET, "a dictionary's offset");
        long dictSize = infos.u32(at + InflateContext.ZRAN_DICT_SIZE, "a dictionary's size");
        long inSize = infos.u32(at + InflateContext.ZRAN_IN_SIZE, "a checkpoint's stored size");
        long outSize = infos.u32(at + InflateContext.ZRAN_OUT_SIZE, "a checkpoint's size");
        long inOffset = infos.u63(at + InflateContext.ZRAN_IN_OFFSET, "a checkpoint's stored offset");
        int bits = infos.u8(at + InflateContext.ZRAN_BITS, "a checkpoint's bits");
        if (dictSize > InflateContext.MAX_DICT_SIZE
                || bits > 7
                || inSize > RafsLayout.MAX_CHUNK_SIZE
                || outSize > RafsLayout.MAX_CHUNK_SIZE
                || inOffset > blob.storedSizeBytes() - inSize) {
            throw infos.corrupt(
                    "checkpoint " + number + ": " + inSize + " bytes at " + inOffset + ", " + bits
                            + " bits, a window of " + dictSize + " bytes, decodes to " + outSize,
                    at);
        }
        long dictionary = contextOffset + (long) contextCount * InflateContext.SIZE;
        return new ZranContext(
                inOffset,
                (int) inSize,
                infos.u63(at + InflateContext.ZRAN_OUT_OFFSET, "a checkpoint's offset"),
                (int) outSize,
                infos.slice(dictionary + dictOffset, dictSize, "the dictionary of checkpoint " + number),
                infos.u8(at + InflateContext.ZRAN_BYTE, "a checkpoint's byte"),
                bits);
    }

    private long word(int chunk, int word) throws CorruptImageException {
        if (chunk < 0 || chunk >= blob.chunkCount()) {
            throw new IndexOutOfBoundsException("chunk " + chunk + " of " + blob.chunkCount());
        }
        int size = wide ? ChunkInfoV2.SIZE : ChunkInfoV1.SIZE;
        return infos.s64((long) chunk * size + (long) word * Long.BYTES, "a chunk info");
    }

    private CorruptImageException corrupt(int chunk, String problem) {
        int size = wide ? ChunkInfoV2.SIZE : ChunkInfoV1.SIZE;
        return infos.corrupt("chunk " + chunk + ": " + problem, (long) chunk * size);
    }
}
