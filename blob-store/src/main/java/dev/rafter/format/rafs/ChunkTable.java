package dev.rafter.format.rafs;

import dev.rafter.digest.DigestAlgorithm;
import dev.rafter.format.CorruptImageException;
import dev.rafter.format.ImageBytes;
import dev.rafter.format.ImageException;
import dev.rafter.format.rafs.RafsLayout.Chunk;
import java.util.Arrays;
import java.util.List;

/**
 * The chunk table, ordered by blob and number of the chunk. Every entry names a blob and a chunk that exist, no two the same, and the
 * chunks of a blob do not overlap in its device.
 */
final class ChunkTable {
    private static final int POSITION_BITS = 31;
    private static final long POSITION_MASK = (1L << POSITION_BITS) - 1;
    private static final int INDEX_BITS = 24;

    private final ImageBytes image;
    private final RafsSuperblock superblock;
    private final List<RafsBlob> blobs;
    /** Blob (8 bits), number of the chunk in it (24 bits), position in the table (31 bits); ascending. */
    private final long[] order;

    private ChunkTable(ImageBytes image, RafsSuperblock superblock, List<RafsBlob> blobs, long[] order) {
        this.image = image;
        this.superblock = superblock;
        this.blobs = blobs;
        this.order = order;
    }

    static ChunkTable read(ImageBytes image, RafsSuperblock superblock, List<RafsBlob> blobs) throws ImageException {
        ChunkTable table = new ChunkTable(image, superblock, blobs, new long[superblock.chunkCount()]);
        for (int position = 0; position < table.order.length; position++) {
            table.order[position] = table.key(position);
        }
        Arrays.sort(table.order);
        table.checkNeighbours();
        return table;
    }

    private long key(int position) throws ImageException {
        long offset = offset(position);
        long blob = image.u32(offset + Chunk.BLOB_INDEX, "a chunk's blob");
        if (blob >= blobs.size()) {
            throw image.corrupt("a chunk is in blob " + blob + " of " + blobs.size(), offset + Chunk.BLOB_INDEX);
        }
        long index = image.u32(offset + Chunk.INDEX, "a chunk's number");
        if (index >= blobs.get((int) blob).chunkCount()) {
            throw image.corrupt(
                    "chunk " + index + " of blob " + blob + ", which has "
                            + blobs.get((int) blob).chunkCount(),
                    offset + Chunk.INDEX);
        }
        checkFlags(offset);
        checkSize(offset, blobs.get((int) blob));
        return (blob << (INDEX_BITS + POSITION_BITS)) | (index << POSITION_BITS) | position;
    }

    private void checkFlags(long offset) throws ImageException {
        long flags = image.u32(offset + Chunk.FLAGS, "a chunk's flags");
        if ((flags & ~(long) Chunk.FLAGS_KNOWN) != 0 || (flags & Chunk.FLAG_HOLE) != 0) {
            throw image.corrupt("a chunk has unknown flags 0x%x".formatted(flags), offset + Chunk.FLAGS);
        }
        if ((flags & Chunk.FLAG_ENCRYPTED) != 0) {
            throw image.unsupported("encrypted chunks", offset + Chunk.FLAGS);
        }
    }

    private void checkSize(long offset, RafsBlob blob) throws CorruptImageException {
        long size = image.u32(offset + Chunk.UNCOMPRESSED_SIZE, "a chunk's size");
        if (size == 0 || size > blob.chunkSizeBytes()) {
            throw image.corrupt(
                    "a chunk of " + size + " bytes, in a blob with chunks of " + blob.chunkSizeBytes(),
                    offset + Chunk.UNCOMPRESSED_SIZE);
        }
        long start = image.u63(offset + Chunk.UNCOMPRESSED_OFFSET, "a chunk's device offset");
        if (start > blob.deviceSizeBytes() - size) {
            throw image.corrupt(
                    "a chunk, " + size + " bytes at " + start + ", reaches over the " + blob.deviceSizeBytes()
                            + " bytes of device " + (blob.index() + 1),
                    offset + Chunk.UNCOMPRESSED_OFFSET);
        }
    }

    private void checkNeighbours() throws CorruptImageException {
        for (int i = 1; i < order.length; i++) {
            if (order[i - 1] >>> POSITION_BITS == order[i] >>> POSITION_BITS) {
                throw image.corrupt("a chunk stands twice in the chunk table", offsetAt(i));
            }
            boolean sameBlob = blobAt(i - 1) == blobAt(i);
            if (sameBlob && deviceOffset(i - 1) + sizeBytes(i - 1) > deviceOffset(i)) {
                throw image.corrupt(
                        "chunks " + indexAt(i - 1) + " and " + indexAt(i) + " of blob " + blobAt(i)
                                + " overlap or are out of order",
                        offsetAt(i));
            }
        }
    }

    /** The place of a chunk in this order, negative if the table lacks it. */
    int find(int blob, int index) {
        long key = ((long) blob << INDEX_BITS) | index;
        int found = Arrays.binarySearch(order, key << POSITION_BITS);
        int place = found >= 0 ? found : -found - 1;
        return place < order.length && order[place] >>> POSITION_BITS == key ? place : -1;
    }

    /** The places of a blob's chunks: from {@code firstOf(blob)} to before {@code firstOf(blob + 1)}. */
    int firstOf(int blob) {
        int found = Arrays.binarySearch(order, (long) blob << (INDEX_BITS + POSITION_BITS));
        return found >= 0 ? found : -found - 1;
    }

    int blobAt(int place) {
        return (int) (order[place] >>> (INDEX_BITS + POSITION_BITS));
    }

    int indexAt(int place) {
        return (int) (order[place] >>> POSITION_BITS) & (RafsLayout.MAX_CHUNKS_PER_BLOB - 1);
    }

    long deviceOffset(int place) throws CorruptImageException {
        return image.s64(offsetAt(place) + Chunk.UNCOMPRESSED_OFFSET, "a chunk's device offset");
    }

    int sizeBytes(int place) throws CorruptImageException {
        return (int) image.u32(offsetAt(place) + Chunk.UNCOMPRESSED_SIZE, "a chunk's size");
    }

    byte[] digest(int place) throws CorruptImageException {
        return image.bytes(offsetAt(place) + Chunk.DIGEST, DigestAlgorithm.DIGEST_SIZE_BYTES, "a chunk's digest");
    }

    /** A chunk that is a frame by itself. */
    RafsChunk single(int place) throws CorruptImageException {
        long offset = offsetAt(place);
        int size = sizeBytes(place);
        long storedSize = image.u32(offset + Chunk.COMPRESSED_SIZE, "a chunk's stored size");
        boolean compressed = (image.u32(offset + Chunk.FLAGS, "a chunk's flags") & Chunk.FLAG_COMPRESSED) != 0;
        long storedOffset = image.u63(offset + Chunk.COMPRESSED_OFFSET, "a chunk's stored offset");
        checkStored(offset, blobs.get(blobAt(place)), storedOffset, storedSize, size, compressed);
        return new RafsChunk(
                indexAt(place), deviceOffset(place), size, storedOffset, (int) storedSize, size, 0, digest(place));
    }

    private void checkStored(
            long offset, RafsBlob blob, long storedOffset, long storedSize, int size, boolean compressed)
            throws CorruptImageException {
        if (storedSize == 0 || storedSize > size || (!compressed && storedSize != size)) {
            throw image.corrupt(
                    "a chunk of " + size + " bytes is stored in " + storedSize + " bytes"
                            + (compressed ? "" : " uncompressed"),
                    offset + Chunk.COMPRESSED_SIZE);
        }
        if (storedOffset > blob.dataSizeBytes() - storedSize) {
            throw image.corrupt(
                    "a chunk, " + storedSize + " stored bytes at " + storedOffset + ", reaches over the "
                            + blob.dataSizeBytes() + " bytes of data of blob " + blob.index(),
                    offset + Chunk.COMPRESSED_OFFSET);
        }
    }

    private long offsetAt(int place) {
        return offset((int) (order[place] & POSITION_MASK));
    }

    private long offset(int position) {
        return superblock.chunkTableOffset() + (long) position * Chunk.SIZE;
    }

    /** For errors about a place. */
    CorruptImageException corrupt(int place, String problem) {
        return image.corrupt("chunk " + indexAt(place) + " of blob " + blobAt(place) + ": " + problem, offsetAt(place));
    }
}
