package dev.rafter.format.rafs;

import dev.rafter.digest.DigestAlgorithm;
import dev.rafter.format.CorruptImageException;
import dev.rafter.format.ImageBytes;
import dev.rafter.format.ImageException;
import dev.rafter.format.rafs.RafsLayout.Blob;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Pattern;

/** The blob table. Read, every number in it is bounded, and no entry contradicts itself. */
final class BlobTable {
    private static final int BLAKE3 = 0;
    private static final int SHA256 = 1;
    private static final Pattern HEX_DIGEST = Pattern.compile("[0-9a-f]{64}");

    private final ImageBytes image;

    private BlobTable(ImageBytes image) {
        this.image = image;
    }

    static List<RafsBlob> read(ImageBytes image, RafsSuperblock superblock) throws ImageException {
        BlobTable table = new BlobTable(image);
        List<RafsBlob> blobs = new ArrayList<>(superblock.blobCount());
        for (int i = 0; i < superblock.blobCount(); i++) {
            blobs.add(table.entry(superblock.blobTableOffset() + (long) i * Blob.SIZE, i));
        }
        return List.copyOf(blobs);
    }

    /**
     * Writes an entry.
     *
     * @param target little endian, the entry's place is at its start
     */
    static void putEntry(ByteBuffer target, RafsBlob blob) {
        RafsBlob.Meta meta = blob.meta();
        target.put(Blob.ID, blob.id().getBytes(StandardCharsets.US_ASCII))
                .putInt(Blob.INDEX, blob.index())
                .putInt(Blob.CHUNK_SIZE, blob.chunkSizeBytes())
                .putInt(Blob.CHUNK_COUNT, blob.chunkCount())
                .putInt(Blob.COMPRESSOR, blob.compressor().number())
                .putInt(Blob.DIGESTER, blob.digestAlgorithm() == DigestAlgorithm.SHA256 ? SHA256 : BLAKE3)
                .putInt(Blob.FEATURES, blob.features())
                .putLong(Blob.COMPRESSED_SIZE, blob.storedSizeBytes())
                .putLong(Blob.UNCOMPRESSED_SIZE, blob.deviceSizeBytes())
                .putInt(Blob.TOC_SIZE, (int) blob.toc().sizeBytes())
                .putInt(Blob.META_COMPRESSOR, meta.compressor().number())
                .putLong(Blob.META_OFFSET, meta.offset())
                .putLong(Blob.META_COMPRESSED_SIZE, meta.storedSizeBytes())
                .putLong(Blob.META_UNCOMPRESSED_SIZE, meta.sizeBytes())
                .put(Blob.TOC_DIGEST, blob.toc().digest());
    }

    private RafsBlob entry(long offset, int index) throws ImageException {
        String id = id(offset);
        long statedIndex = image.u32(offset + Blob.INDEX, "blob index");
        if (statedIndex != index) {
            throw corrupt(index, "it says to be blob " + statedIndex, offset + Blob.INDEX);
        }
        int features = features(offset, index);
        long storedSize = bounded(offset + Blob.COMPRESSED_SIZE, index, RafsLayout.MAX_COMPRESSED_SIZE, "stored size");
        int chunkCount = chunkCount(offset, index);
        RafsBlob blob = new RafsBlob(
                id,
                index,
                chunkSize(offset, index),
                chunkCount,
                compressor(offset + Blob.COMPRESSOR, index),
                digestAlgorithm(offset, index),
                features,
                storedSize,
                deviceSize(offset, index, chunkCount),
                meta(offset, index, features, chunkCount, id),
                new RafsBlob.PinnedToc(
                        image.u32(offset + Blob.TOC_SIZE, "toc size"),
                        image.bytes(offset + Blob.TOC_DIGEST, DigestAlgorithm.DIGEST_SIZE_BYTES, "toc digest")));
        checkMetaInside(blob, offset);
        return blob;
    }

    /** Ids become file names and URLs: nothing but a digest is taken. */
    private String id(long offset) throws CorruptImageException {
        String id = image.string(offset + Blob.ID, Blob.ID_SIZE, "blob id");
        if (!HEX_DIGEST.matcher(id).matches() && !id.equals(RafsLayout.OWN_BLOB_ID)) {
            throw image.corrupt("a blob id is not 64 hexadecimal digits", offset + Blob.ID);
        }
        return id;
    }

    private int features(long offset, int index) throws ImageException {
        int features = (int) image.u32(offset + Blob.FEATURES, "blob features");
        int unknown = features & BlobFeatures.INCOMPATIBLE_MASK & ~BlobFeatures.KNOWN;
        if (unknown != 0) {
            throw image.unsupported(
                    "unknown features 0x%x of blob %d".formatted(unknown, index), offset + Blob.FEATURES);
        }
        if ((features & BlobFeatures.ENCRYPTED) != 0 || image.u32(offset + Blob.CIPHER, "cipher") != 0) {
            throw image.unsupported(
                    "encrypted blobs (blob " + index + "): convert the image again without encryption",
                    offset + Blob.CIPHER);
        }
        if ((features & BlobFeatures.EXTERNAL) != 0) {
            throw image.unsupported(
                    "blob " + index + " lies in external storage (feature EXTERNAL)", offset + Blob.FEATURES);
        }
        if ((features & BlobFeatures.ALIGNED) == 0 && (features & BlobFeatures.TARFS) == 0) {
            throw corrupt(index, "its chunks are not aligned to blocks", offset + Blob.FEATURES);
        }
        return features;
    }

    private int chunkSize(long offset, int index) throws CorruptImageException {
        long size = image.u32(offset + Blob.CHUNK_SIZE, "chunk size");
        if (!RafsSuperblock.isChunkSize(size)) {
            throw corrupt(index, RafsSuperblock.chunkSizeProblem(size), offset + Blob.CHUNK_SIZE);
        }
        return (int) size;
    }

    private int chunkCount(long offset, int index) throws CorruptImageException {
        long count = image.u32(offset + Blob.CHUNK_COUNT, "chunk count");
        if (count > RafsLayout.MAX_CHUNKS_PER_BLOB) {
            throw corrupt(
                    index, count + " chunks, at most " + RafsLayout.MAX_CHUNKS_PER_BLOB, offset + Blob.CHUNK_COUNT);
        }
        return (int) count;
    }

    private Compressor compressor(long offset, int index) throws CorruptImageException {
        long number = image.u32(offset, "compressor");
        return Compressor.ofNumber(number).orElseThrow(() -> corrupt(index, "unknown compressor " + number, offset));
    }

    private DigestAlgorithm digestAlgorithm(long offset, int index) throws CorruptImageException {
        long number = image.u32(offset + Blob.DIGESTER, "digest algorithm");
        return switch ((int) number) {
            case BLAKE3 -> DigestAlgorithm.BLAKE3;
            case SHA256 -> DigestAlgorithm.SHA256;
            default -> throw corrupt(index, "unknown digest algorithm " + number, offset + Blob.DIGESTER);
        };
    }

    private long deviceSize(long offset, int index, int chunkCount) throws CorruptImageException {
        long size =
                bounded(offset + Blob.UNCOMPRESSED_SIZE, index, RafsLayout.MAX_UNCOMPRESSED_SIZE, "uncompressed size");
        if (size < chunkCount) {
            throw corrupt(
                    index, chunkCount + " chunks in a device of " + size + " bytes", offset + Blob.UNCOMPRESSED_SIZE);
        }
        return size;
    }

    private RafsBlob.Meta meta(long offset, int index, int features, int chunkCount, String id)
            throws CorruptImageException {
        long size = bounded(offset + Blob.META_UNCOMPRESSED_SIZE, index, RafsLayout.MAX_META_SIZE, "chunk infos' size");
        long stored = bounded(
                offset + Blob.META_COMPRESSED_SIZE, index, RafsLayout.MAX_META_SIZE, "chunk infos' stored size");
        boolean wide = (features & BlobFeatures.CHUNK_INFO_V2) != 0;
        long infos = (long) chunkCount * (wide ? RafsLayout.ChunkInfoV2.SIZE : RafsLayout.ChunkInfoV1.SIZE);
        if (size != 0 && (size < infos || (size > infos && !wide))) {
            throw corrupt(
                    index,
                    "chunk infos of " + size + " bytes for " + chunkCount + " chunks",
                    offset + Blob.META_UNCOMPRESSED_SIZE);
        }
        boolean separate = (features & BlobFeatures.SEPARATE) != 0;
        return new RafsBlob.Meta(
                compressor(offset + Blob.META_COMPRESSOR, index),
                bounded(offset + Blob.META_OFFSET, index, RafsLayout.MAX_COMPRESSED_SIZE, "chunk infos' offset"),
                stored,
                size,
                separate ? metaBlobId(offset) : id);
    }

    private String metaBlobId(long offset) throws CorruptImageException {
        byte[] digest = image.bytes(
                offset + Blob.META_BLOB_DIGEST, DigestAlgorithm.DIGEST_SIZE_BYTES, "digest of the meta blob");
        return HexFormat.of().formatHex(digest);
    }

    private void checkMetaInside(RafsBlob blob, long offset) throws CorruptImageException {
        if (!blob.has(BlobFeatures.CAP_TAR_TOC) || blob.meta().sizeBytes() == 0) {
            return;
        }
        boolean separate = blob.has(BlobFeatures.SEPARATE);
        long size =
                separate ? image.u63(offset + Blob.META_BLOB_SIZE, "size of the meta blob") : blob.storedSizeBytes();
        RafsBlob.Meta meta = blob.meta();
        if (meta.offset() > size - meta.fetchSizeBytes() || blob.dataSizeBytes() < 0) {
            throw corrupt(
                    blob.index(),
                    "its chunk infos, " + meta.fetchSizeBytes() + " bytes at " + meta.offset() + ", do not fit in its "
                            + size + " bytes",
                    offset + Blob.META_OFFSET);
        }
    }

    private long bounded(long offset, int index, long limit, String what) throws CorruptImageException {
        long value = image.s64(offset, what);
        if (value < 0 || value > limit) {
            throw corrupt(index, what + " " + Long.toUnsignedString(value) + " is over " + limit, offset);
        }
        return value;
    }

    private CorruptImageException corrupt(int index, String problem, long offset) {
        return image.corrupt("blob " + index + ": " + problem, offset);
    }
}
