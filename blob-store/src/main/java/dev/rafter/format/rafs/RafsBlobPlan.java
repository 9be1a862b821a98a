package dev.rafter.format.rafs;

/**
 * Where the chunks of a new blob come to lie: one after the other in the blob, at multiples of 4096 bytes in its device. Not thread safe.
 */
public final class RafsBlobPlan {
    private static final int DEVICE_ALIGNMENT = 4096;

    private final int chunkSizeBytes;
    private final RafsChunks.Builder chunks = new RafsChunks.Builder();
    private long storedEnd;
    private long deviceEnd;

    /**
     * A blob without chunks yet.
     *
     * @param chunkSizeBytes the most that a chunk has
     */
    public RafsBlobPlan(int chunkSizeBytes) {
        this.chunkSizeBytes = chunkSizeBytes;
    }

    /** Whether no more chunks can be added: a blob has room for 2^24 chunks, 1 TiB stored, and 16 TiB in its device. */
    public boolean isFull() {
        return chunks.count() == RafsLayout.MAX_CHUNKS_PER_BLOB
                || deviceEnd > RafsLayout.MAX_UNCOMPRESSED_SIZE - 2L * RafsLayout.MAX_CHUNK_SIZE
                || storedEnd > RafsLayout.MAX_COMPRESSED_SIZE - 2L * RafsLayout.MAX_META_SIZE;
    }

    /**
     * Adds a chunk.
     *
     * @param digest of its decoded bytes
     * @param sizeBytes decoded
     * @param storedSizeBytes compressed, or {@code sizeBytes} if it is stored as it is
     * @return the chunk: its number, and its place in the device
     */
    public RafsChunk add(byte[] digest, int sizeBytes, int storedSizeBytes) {
        if (isFull()) {
            throw new IllegalStateException("a blob of " + chunks.count() + " chunks is full");
        }
        if (sizeBytes < 1 || sizeBytes > chunkSizeBytes || storedSizeBytes < 1 || storedSizeBytes > sizeBytes) {
            throw new IllegalArgumentException("sizeBytes=" + sizeBytes + " storedSizeBytes=" + storedSizeBytes);
        }
        RafsChunk chunk = new RafsChunk(
                chunks.count(), deviceEnd, sizeBytes, storedEnd, storedSizeBytes, sizeBytes, 0, digest.clone());
        chunks.add(chunk);
        storedEnd += storedSizeBytes;
        deviceEnd += (sizeBytes + DEVICE_ALIGNMENT - 1) & -DEVICE_ALIGNMENT;
        return chunk;
    }

    /** The chunks added so far. */
    public RafsChunks chunks() {
        return chunks.build();
    }

    /** Bytes of the device that they take. */
    public long deviceSizeBytes() {
        return deviceEnd;
    }
}
