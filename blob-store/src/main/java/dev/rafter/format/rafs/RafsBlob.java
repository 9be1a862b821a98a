package dev.rafter.format.rafs;

import dev.rafter.digest.DigestAlgorithm;

/**
 * A blob of an image, as its entry of the blob table says.
 *
 * @param id 64 hexadecimal digits, the SHA-256 of the blob
 * @param index position in the blob table; its device is {@code index + 1}
 * @param chunkSizeBytes bytes of a chunk but the last of a file, a power of two
 * @param chunkCount chunks of the blob, which an image need not use all
 * @param compressor how its chunks are stored
 * @param digestAlgorithm of its chunks
 * @param features see {@link BlobFeatures}
 * @param storedSizeBytes of the blob; with some tools, of only a part of it that holds data and chunk infos
 * @param deviceSizeBytes of its chunks, decoded, with the gaps between them
 * @param meta where its chunk infos are
 * @param toc its table of contents, as far as it is pinned; a size of 0 says nothing
 */
public record RafsBlob(
        String id,
        int index,
        int chunkSizeBytes,
        int chunkCount,
        Compressor compressor,
        DigestAlgorithm digestAlgorithm,
        int features,
        long storedSizeBytes,
        long deviceSizeBytes,
        Meta meta,
        PinnedToc toc) {

    /**
     * Where the chunk infos of a blob are: {@code [offset, offset + storedSizeBytes)} of the blob {@code blobId} decodes to {@code
     * sizeBytes}; the header of 4096 bytes follows it directly.
     *
     * @param compressor how they are stored; as they are if both sizes are equal
     * @param blobId the blob itself, or for images that refer to a layer, the blob that comes with it
     */
    public record Meta(Compressor compressor, long offset, long storedSizeBytes, long sizeBytes, String blobId) {
        /** Bytes from {@link #offset} that one request fetches: the chunk infos and their header. */
        public long fetchSizeBytes() {
            return storedSizeBytes + RafsLayout.MetaHeader.SIZE;
        }
    }

    /** Size and SHA-256 of the table of contents with its tar header; 0 and zeros if the image does not say. */
    public record PinnedToc(long sizeBytes, byte[] digest) {
        static final PinnedToc NONE = new PinnedToc(0, new byte[DigestAlgorithm.DIGEST_SIZE_BYTES]);
    }

    boolean has(int feature) {
        return (features & feature) != 0;
    }

    /** Whether small chunks are compressed together, so that the bootstrap alone does not tell where they are stored. */
    public boolean isBatched() {
        return has(BlobFeatures.BATCH);
    }

    /** Whether the blob is a gzip layer that the image refers to: chunks are decoded from checkpoints in its stream. */
    public boolean isZran() {
        return has(BlobFeatures.ZRAN);
    }

    /** Bytes of the blob from its start that hold chunks. */
    long dataSizeBytes() {
        if (has(BlobFeatures.SEPARATE) || !has(BlobFeatures.CAP_TAR_TOC) || meta.sizeBytes == 0) {
            return storedSizeBytes;
        }
        return meta.offset - (has(BlobFeatures.HAS_TAR_HEADER) ? RafsLayout.TarHeader.SIZE : 0);
    }

    /** The same blob at another place of a blob table. */
    public RafsBlob atIndex(int newIndex) {
        return new RafsBlob(
                id,
                newIndex,
                chunkSizeBytes,
                chunkCount,
                compressor,
                digestAlgorithm,
                features,
                storedSizeBytes,
                deviceSizeBytes,
                meta,
                toc);
    }
}
