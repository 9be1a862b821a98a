package dev.rafter.format.rafs;

import dev.rafter.digest.DigestAlgorithm;
import dev.rafter.format.CorruptImageException;
import dev.rafter.format.ImageBytes;
import dev.rafter.format.ImageException;
import dev.rafter.format.rafs.RafsLayout.Extension;

/**
 * The extended superblock: every table that it names lies within the bootstrap.
 *
 * @param flags which compressor, digester and properties
 * @param chunkSizeBytes a power of two
 */
record RafsSuperblock(
        long flags,
        Compressor compressor,
        DigestAlgorithm digestAlgorithm,
        int chunkSizeBytes,
        long blobTableOffset,
        int blobCount,
        long chunkTableOffset,
        int chunkCount,
        long prefetchTableOffset,
        int prefetchCount) {

    boolean has(long flag) {
        return (flags & flag) != 0;
    }

    static RafsSuperblock read(ImageBytes image) throws ImageException {
        return new Parser(image).parse();
    }

    private record Parser(ImageBytes image) {
        RafsSuperblock parse() throws ImageException {
            image.check(RafsLayout.EXTENSION_OFFSET, Extension.SIZE, "the extended superblock");
            long flags = flags();
            long blobTable = u63(Extension.BLOB_TABLE_OFFSET, "blob table offset");
            long blobTableSize = image.u32(at(Extension.BLOB_TABLE_SIZE), "blob table size");
            checkTable(Extension.BLOB_TABLE_OFFSET, blobTable, blobTableSize, RafsLayout.Blob.SIZE, "blob table");
            if (blobTableSize / RafsLayout.Blob.SIZE > RafsLayout.MAX_BLOBS) {
                throw corrupt(
                        blobTableSize / RafsLayout.Blob.SIZE + " blobs, at most " + RafsLayout.MAX_BLOBS,
                        Extension.BLOB_TABLE_SIZE);
            }
            long chunkTable = u63(Extension.CHUNK_TABLE_OFFSET, "chunk table offset");
            long chunkTableSize = u63(Extension.CHUNK_TABLE_SIZE, "chunk table size");
            checkTable(Extension.CHUNK_TABLE_OFFSET, chunkTable, chunkTableSize, RafsLayout.Chunk.SIZE, "chunk table");
            long prefetch = u63(Extension.PREFETCH_TABLE_OFFSET, "prefetch table offset");
            long prefetchSize = image.u32(at(Extension.PREFETCH_TABLE_SIZE), "prefetch table size");
            checkPrefetchTable(prefetch, prefetchSize);
            return new RafsSuperblock(
                    flags,
                    compressor(flags),
                    digestAlgorithm(flags),
                    chunkSize(),
                    blobTable,
                    (int) (blobTableSize / RafsLayout.Blob.SIZE),
                    chunkTable,
                    (int) (chunkTableSize / RafsLayout.Chunk.SIZE),
                    prefetch,
                    (int) (prefetchSize / Integer.BYTES));
        }

        private long flags() throws ImageException {
            long flags = image.s64(at(Extension.FLAGS), "flags");
            if ((flags & ~Extension.FLAGS_KNOWN) != 0) {
                throw image.unsupported(
                        "unknown RAFS flags 0x%x".formatted(flags & ~Extension.FLAGS_KNOWN), at(Extension.FLAGS));
            }
            if ((flags & Extension.FLAG_ENCRYPTION_AES_128_XTS) != 0) {
                throw image.unsupported(
                        "encrypted blobs (AES-128-XTS): convert the image again without encryption",
                        at(Extension.FLAGS));
            }
            return flags;
        }

        private Compressor compressor(long flags) throws CorruptImageException {
            Compressor found = null;
            for (Compressor compressor : Compressor.values()) {
                if ((flags & compressor.superblockFlag()) != 0) {
                    if (found != null) {
                        throw corrupt("two compressors, " + found + " and " + compressor, Extension.FLAGS);
                    }
                    found = compressor;
                }
            }
            if (found == null) {
                throw corrupt("no compressor", Extension.FLAGS);
            }
            return found;
        }

        private DigestAlgorithm digestAlgorithm(long flags) throws CorruptImageException {
            boolean blake3 = (flags & Extension.FLAG_DIGEST_BLAKE3) != 0;
            boolean sha256 = (flags & Extension.FLAG_DIGEST_SHA256) != 0;
            if (blake3 == sha256) {
                throw corrupt(blake3 ? "two digest algorithms" : "no digest algorithm", Extension.FLAGS);
            }
            return blake3 ? DigestAlgorithm.BLAKE3 : DigestAlgorithm.SHA256;
        }

        private int chunkSize() throws CorruptImageException {
            long size = image.u32(at(Extension.CHUNK_SIZE), "chunk size");
            if (!isChunkSize(size)) {
                throw corrupt(chunkSizeProblem(size), Extension.CHUNK_SIZE);
            }
            return (int) size;
        }

        private void checkTable(int field, long offset, long size, int entrySize, String what)
                throws CorruptImageException {
            if (size % entrySize != 0) {
                throw corrupt(what + " of " + size + " bytes is no multiple of its entries' " + entrySize, field);
            }
            if (size > 0 && offset % RafsLayout.TABLE_ALIGNMENT != 0) {
                throw corrupt(what + " at " + offset + " is not aligned to " + RafsLayout.TABLE_ALIGNMENT, field);
            }
            checkInside(field, offset, size, what);
        }

        private void checkPrefetchTable(long offset, long size) throws CorruptImageException {
            if (size % Integer.BYTES != 0) {
                throw corrupt(
                        "prefetch table of " + size + " bytes is no multiple of 4", Extension.PREFETCH_TABLE_SIZE);
            }
            checkInside(Extension.PREFETCH_TABLE_OFFSET, offset, size, "prefetch table");
        }

        private void checkInside(int field, long offset, long size, String what) throws CorruptImageException {
            if (size > 0 && offset > image.length() - size) {
                throw corrupt(
                        what + " of " + size + " bytes at " + offset + " lies outside of the " + image.length()
                                + " bytes of the bootstrap",
                        field);
            }
        }

        private long u63(int field, String what) throws CorruptImageException {
            return image.u63(at(field), what);
        }

        private static long at(int field) {
            return (long) RafsLayout.EXTENSION_OFFSET + field;
        }

        private CorruptImageException corrupt(String problem, int field) {
            return image.corrupt(problem, at(field));
        }
    }

    static boolean isChunkSize(long size) {
        return Long.bitCount(size) == 1 && size >= RafsLayout.MIN_CHUNK_SIZE && size <= RafsLayout.MAX_CHUNK_SIZE;
    }

    static String chunkSizeProblem(long size) {
        return "chunk size " + size + " is not a power of two from " + RafsLayout.MIN_CHUNK_SIZE + " to "
                + RafsLayout.MAX_CHUNK_SIZE;
    }
}
