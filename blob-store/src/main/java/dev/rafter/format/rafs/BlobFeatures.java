package dev.rafter.format.rafs;

/** The features of a blob. The low 16 bits must be understood; the high ones only tell what is there. */
final class BlobFeatures {
    static final int ALIGNED = 0x1;
    static final int INLINED_FS_META = 0x2;
    static final int CHUNK_INFO_V2 = 0x4;
    static final int ZRAN = 0x8;
    static final int SEPARATE = 0x10;
    static final int INLINED_CHUNK_DIGEST = 0x20;
    static final int TARFS = 0x40;
    static final int BATCH = 0x80;
    static final int ENCRYPTED = 0x100;
    static final int CHUNK_DICT_GENERATED = 0x200;
    static final int SEPARATED_WITH_PREFETCH_FILES = 0x400;
    static final int EXTERNAL = 0x800;
    static final int KNOWN = 0x0FFF;
    static final int INCOMPATIBLE_MASK = 0xFFFF;

    static final int HAS_TAR_HEADER = 0x1000_0000;
    static final int HAS_TOC = 0x2000_0000;
    static final int CAP_TAR_TOC = 0x4000_0000;

    /** What a native blob of ours has. */
    static final int NATIVE = ALIGNED | INLINED_CHUNK_DIGEST | HAS_TAR_HEADER | HAS_TOC | CAP_TAR_TOC;

    private BlobFeatures() {}
}
