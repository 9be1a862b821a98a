package dev.rafter.format.rafs;

/**
 * The map of RAFS v6: what it adds to an EROFS image, and its blobs. All numbers are little endian; offsets count from the start of
 * the record, those of tables from the start of the file.
 *
 * <pre>
 *   Bootstrap  --> Zeros^1024, EROFS superblock, {@link Extension}, DeviceSlot^blobs, Pad4K,
 *                  {@link Blob}^blobs, PrefetchNid^n, Pad4K, Inodes and directories, Pad4K, {@link Chunk}^n, Pad4K
 *   LayerBlob  --> Data, TarHeader, ChunkInfos, {@link MetaHeader}, TarHeader, Digest^chunks, TarHeader,
 *                  [Bootstrap of the layer, TarHeader], {@link TocEntry}^n, TarHeader
 *   ChunkInfos --> compressed: ({@link ChunkInfoV1} | {@link ChunkInfoV2})^chunks, [{@link InflateContext}^n, Dictionary...]
 *   ChunkIndex --> of a regular file, in the place of an EROFS chunk index:
 *                  number of the chunk in its blob, low 16 bits u16; blob + 1 u8; number, high 8 bits u8; block in the device u32
 * </pre>
 *
 * <p>A layer blob is almost a tar: headers come behind their contents, and nothing is padded, so that it can be written as a stream.
 */
final class RafsLayout {
    /** Magic of version 5, at byte 0; version 6 has zeros there. */
    static final int V5_MAGIC = 0x5241_4653;

    static final int MAX_BLOBS = 254;
    static final int MAX_CHUNKS_PER_BLOB = 1 << 24;
    static final int MIN_CHUNK_SIZE = 1 << 12;
    static final int MAX_CHUNK_SIZE = 1 << 24;
    static final long MAX_BOOTSTRAP_SIZE = 1L << 31;
    static final long MAX_COMPRESSED_SIZE = 1L << 40;
    static final long MAX_UNCOMPRESSED_SIZE = 1L << 44;
    /** Of chunk infos with their contexts and dictionaries, decompressed. */
    static final long MAX_META_SIZE = 1L << 30;

    static final int TABLE_ALIGNMENT = 4096;
    static final int EXTENSION_OFFSET = 1024 + 128;
    static final int DEVICE_TABLE_OFFSET = EXTENSION_OFFSET + Extension.SIZE;
    static final int DEVICE_SLOT_SIZE = 128;

    /** The blob id of a layer's own bootstrap, which lies inside the blob and so cannot know its digest. */
    static final String OWN_BLOB_ID = "x".repeat(Blob.ID_SIZE);

    private RafsLayout() {}

    /** The extended superblock. */
    static final class Extension {
        static final int SIZE = 256;

        static final int FLAGS = 0;
        static final int BLOB_TABLE_OFFSET = 8;
        static final int BLOB_TABLE_SIZE = 16;
        static final int CHUNK_SIZE = 20;
        static final int CHUNK_TABLE_OFFSET = 24;
        static final int CHUNK_TABLE_SIZE = 32;
        static final int PREFETCH_TABLE_OFFSET = 40;
        static final int PREFETCH_TABLE_SIZE = 48;

        static final long FLAG_COMPRESSION_NONE = 0x1;
        static final long FLAG_COMPRESSION_LZ4 = 0x2;
        static final long FLAG_DIGEST_BLAKE3 = 0x4;
        static final long FLAG_DIGEST_SHA256 = 0x8;
        static final long FLAG_EXPLICIT_OWNER = 0x10;
        static final long FLAG_HAS_XATTR = 0x20;
        static final long FLAG_COMPRESSION_GZIP = 0x40;
        static final long FLAG_COMPRESSION_ZSTD = 0x80;
        static final long FLAG_INLINED_CHUNK_DIGEST = 0x100;
        static final long FLAG_TARFS = 0x200;
        static final long FLAG_ENCRYPTION_NONE = 0x0100_0000;
        static final long FLAG_ENCRYPTION_AES_128_XTS = 0x0200_0000;
        static final long FLAGS_KNOWN = 0x0300_03FF;

        private Extension() {}
    }

    /** An entry of the blob table. */
    static final class Blob {
        static final int SIZE = 256;
        static final int ID_SIZE = 64;

        static final int ID = 0;
        static final int INDEX = 64;
        static final int CHUNK_SIZE = 68;
        static final int CHUNK_COUNT = 72;
        static final int COMPRESSOR = 76;
        static final int DIGESTER = 80;
        static final int FEATURES = 84;
        static final int COMPRESSED_SIZE = 88;
        static final int UNCOMPRESSED_SIZE = 96;
        static final int TOC_SIZE = 104;
        static final int META_COMPRESSOR = 108;
        static final int META_OFFSET = 112;
        static final int META_COMPRESSED_SIZE = 120;
        static final int META_UNCOMPRESSED_SIZE = 128;
        static final int TOC_DIGEST = 136;
        static final int META_BLOB_DIGEST = 168;
        static final int META_BLOB_SIZE = 200;
        static final int CIPHER = 216;

        private Blob() {}
    }

    /** An entry of the chunk table: one per distinct chunk that a file of the image uses, sorted by digest and blob. */
    static final class Chunk {
        static final int SIZE = 80;

        static final int DIGEST = 0;
        static final int BLOB_INDEX = 32;
        static final int FLAGS = 36;
        static final int COMPRESSED_SIZE = 40;
        static final int UNCOMPRESSED_SIZE = 44;
        static final int COMPRESSED_OFFSET = 48;
        static final int UNCOMPRESSED_OFFSET = 56;
        static final int FILE_OFFSET = 64;
        static final int INDEX = 72;

        static final int FLAG_COMPRESSED = 0x1;
        static final int FLAG_HOLE = 0x2;
        static final int FLAG_ENCRYPTED = 0x4;
        static final int FLAG_BATCH = 0x8;
        static final int FLAG_HAS_CRC32 = 0x10;
        static final int FLAGS_KNOWN = 0x1F;

        private Chunk() {}
    }

    /** Behind the chunk infos of a blob. */
    static final class MetaHeader {
        static final int SIZE = 4096;
        static final int MAGIC_VALUE = 0xB10B_B10B;

        static final int MAGIC = 0;
        static final int FEATURES = 4;
        static final int COMPRESSOR = 8;
        static final int ENTRIES = 12;
        static final int OFFSET = 16;
        static final int COMPRESSED_SIZE = 24;
        static final int UNCOMPRESSED_SIZE = 32;
        static final int CONTEXT_OFFSET = 40;
        static final int CONTEXT_SIZE = 48;
        static final int CONTEXT_COUNT = 56;
        static final int MAGIC_AT_END = 4092;

        private MetaHeader() {}
    }

    /**
     * A chunk info of 16 bytes. Sizes are stored less one.
     *
     * <pre>
     *   word 0: 8-11 size, bits 20 to 23 | 12-43 device offset, bits 12 to 43 | 44-63 size, low 20 bits
     *   word 1: 0-39 stored offset       | 40-43 stored size, bits 20 to 23   | 44-63 stored size, low 20 bits
     * </pre>
     */
    static final class ChunkInfoV1 {
        static final int SIZE = 16;

        private ChunkInfoV1() {}
    }

    /**
     * A chunk info of 24 bytes. Only the size is stored less one.
     *
     * <pre>
     *   word 0: 0-31 device offset, bits 12 to 43 | 32-55 size | 56-63 flags
     *   word 1: 0-39 stored offset | 40-63 stored size, of batches 0
     *   word 2: with zran or batch: 0-31 offset in the inflated context | 32-63 number of the context; else a checksum
     * </pre>
     */
    static final class ChunkInfoV2 {
        static final int SIZE = 24;
        static final int FLAG_COMPRESSED = 0x1;
        static final int FLAG_ZRAN = 0x2;
        static final int FLAG_BATCH = 0x4;
        static final int FLAG_ENCRYPTED = 0x8;
        static final int FLAG_HAS_CRC32 = 0x10;
        static final int FLAGS_KNOWN = 0x1F;

        private ChunkInfoV2() {}
    }

    /** Behind the chunk infos: of a batch, or of a gzip stream's checkpoint (zran). */
    static final class InflateContext {
        static final int SIZE = 40;

        static final int BATCH_COMPRESSED_SIZE = 0;
        static final int BATCH_UNCOMPRESSED_SIZE = 4;

        static final int ZRAN_IN_OFFSET = 0;
        static final int ZRAN_OUT_OFFSET = 8;
        static final int ZRAN_DICT_OFFSET = 16;
        static final int ZRAN_IN_SIZE = 24;
        static final int ZRAN_OUT_SIZE = 28;
        static final int ZRAN_DICT_SIZE = 32;
        static final int ZRAN_BYTE = 36;
        static final int ZRAN_BITS = 37;
        /** A window of deflate. */
        static final int MAX_DICT_SIZE = 1 << 15;

        private InflateContext() {}
    }

    /** An entry of the table of contents at the end of a blob. */
    static final class TocEntry {
        static final int SIZE = 128;
        static final int NAME_SIZE = 16;

        static final int FLAGS = 0;
        static final int NAME = 8;
        static final int DIGEST = 24;
        static final int OFFSET = 56;
        static final int COMPRESSED_SIZE = 64;
        static final int UNCOMPRESSED_SIZE = 72;

        static final int FLAG_STORED = 1;
        static final int FLAG_ZSTD = 2;
        static final int FLAG_LZ4 = 4;

        private TocEntry() {}
    }

    /** The tar headers of a blob. */
    static final class TarHeader {
        static final int SIZE = 512;

        private TarHeader() {}
    }
}
