package dev.rafter.format.erofs;

/**
 * The map of an EROFS image: where each field of each record lies. All numbers are little endian; offsets count from the start of
 * the record.
 *
 * <pre>
 *   Image      --> Zeros^1024, {@link SuperblockHeader}, SuperblockSlot^slots, [DeviceSlot^devices], [SharedXattr...], Metadata, Data
 *   Metadata   --> InodeRecord...                  nid n lies at metaBlock * blockSize + 32 * n
 *   InodeRecord--> {@link InodeHeader}, [{@link Xattr}], [ChunkIndex... | Tail]
 *   Directory  --> DirectoryBlock...               one per filesystem block, the last one short
 *   DirectoryBlock --> {@link Dirent}^n, Name^n    n = nameOffset of the first entry / 12
 *   ChunkIndex --> addressHigh u16, device u16, address u32   |   address u32
 * </pre>
 *
 * <p>Layouts of an inode's data: {@link #FLAT_PLAIN} whole blocks in a row; {@link #FLAT_INLINE} the same, but what is left over one block's multiple
 * lies behind the inode, within one block; {@link #CHUNK_BASED} an index per chunk; the two compressed ones.
 */
public final class ErofsLayout {
    public static final long SUPERBLOCK_OFFSET = 1024;
    public static final long MAGIC = 0xE0F5E1E2L;
    /** Unit of node ids: inodes are aligned to it. */
    public static final int NID_UNIT = 32;

    public static final int MIN_BLOCK_BITS = 9;
    public static final int MAX_BLOCK_BITS = 12;

    public static final int COMPAT_CHECKSUM = 0x01;
    public static final int COMPAT_MTIME = 0x02;
    public static final int COMPAT_XATTR_FILTER = 0x04;
    public static final int COMPAT_PLAIN_XATTR_PREFIXES = 0x10;
    /** Fingerprints of inodes in an xattr, by which page caches are shared. */
    public static final int COMPAT_FINGERPRINTS = 0x20;
    /** Not of the kernel: marks a bootstrap of RAFS v6. */
    public static final int COMPAT_RAFS_V6 = 0x4000_0000;

    public static final int INCOMPAT_ZERO_PADDING = 0x001;
    public static final int INCOMPAT_COMPRESSION_CONFIGS = 0x002;
    public static final int INCOMPAT_CHUNKED_FILE = 0x004;
    /** The same bit says "second compression head" in images with compressed files. */
    public static final int INCOMPAT_DEVICE_TABLE = 0x008;

    public static final int INCOMPAT_TAIL_PACKING = 0x010;
    public static final int INCOMPAT_FRAGMENTS = 0x020;
    public static final int INCOMPAT_XATTR_PREFIXES = 0x040;
    public static final int INCOMPAT_48BIT = 0x080;
    public static final int INCOMPAT_METABOX = 0x100;
    public static final int INCOMPAT_KNOWN = 0x1FF;

    public static final int FLAT_PLAIN = 0;
    public static final int COMPRESSED_FULL = 1;
    public static final int FLAT_INLINE = 2;
    public static final int COMPRESSED_COMPACT = 3;
    public static final int CHUNK_BASED = 4;

    /** Longest name in a directory and longest xattr name (without its prefix). */
    public static final int MAX_NAME = 255;
    /** Longest target of a symbolic link: what the kernel's PATH_MAX leaves without the NUL. */
    public static final int MAX_TARGET = 4095;

    private ErofsLayout() {}

    /** The superblock, at {@link #SUPERBLOCK_OFFSET}: 128 bytes and 16 for each extension slot. */
    public static final class SuperblockHeader {
        public static final int SIZE = 128;
        public static final int SLOT_SIZE = 16;

        public static final int MAGIC = 0;
        public static final int CHECKSUM = 4;
        public static final int FEATURE_COMPAT = 8;
        public static final int BLOCK_BITS = 12;
        public static final int SLOTS = 13;
        /** Root nid; with 48BIT and {@link #ROOT_NID_8} set, bits 32 to 47 of the block count. */
        public static final int ROOT_NID_2 = 14;

        public static final int INODES = 16;
        public static final int EPOCH = 24;
        public static final int FIXED_NANOS = 32;
        public static final int BLOCKS = 36;
        public static final int META_BLOCK = 40;
        public static final int XATTR_BLOCK = 44;
        public static final int UUID = 48;
        public static final int VOLUME_NAME = 64;
        public static final int FEATURE_INCOMPAT = 80;
        public static final int COMPRESSION = 84;
        public static final int EXTRA_DEVICES = 86;
        public static final int DEVICE_TABLE_SLOT = 88;
        public static final int DIRECTORY_BLOCK_BITS = 90;
        public static final int XATTR_PREFIX_COUNT = 91;
        public static final int XATTR_PREFIX_START = 92;
        public static final int PACKED_NID = 96;
        public static final int FINGERPRINT_PREFIX = 105;
        public static final int BUILD_TIME = 108;
        public static final int ROOT_NID_8 = 112;

        private SuperblockHeader() {}
    }

    /** A slot of the device table, at deviceTableSlot * 128. */
    public static final class DeviceSlot {
        public static final int SIZE = 128;

        public static final int TAG = 0;
        public static final int TAG_SIZE = 64;
        public static final int BLOCKS = 64;
        public static final int MAPPED_BLOCK = 68;
        public static final int BLOCKS_HIGH = 72;
        public static final int MAPPED_BLOCK_HIGH = 74;

        private DeviceSlot() {}
    }

    /**
     * An inode: compact (32 bytes) or extended (64 bytes). The first eight bytes and {@code DATA} are at the same place in both.
     *
     * <pre>
     *   format u16:  bit 0 extended | bits 1-3 layout | bit 4 one link (compact) or no "." entry (directories) | 0
     * </pre>
     */
    public static final class InodeHeader {
        public static final int COMPACT_SIZE = 32;
        public static final int EXTENDED_SIZE = 64;

        public static final int FORMAT = 0;
        public static final int XATTR_COUNT = 2;
        public static final int MODE = 4;
        /** Links of a compact inode, or bits 32 to 47 of a start block. */
        public static final int LINKS_OR_HIGH = 6;

        public static final int SIZE = 8;
        /** Start block, device number, or chunk format. */
        public static final int DATA = 16;

        public static final int INO = 20;

        public static final int COMPACT_MTIME = 12;
        public static final int COMPACT_UID = 24;
        public static final int COMPACT_GID = 26;

        public static final int EXTENDED_UID = 24;
        public static final int EXTENDED_GID = 28;
        public static final int EXTENDED_MTIME = 32;
        public static final int EXTENDED_NANOS = 40;
        public static final int EXTENDED_LINKS = 44;

        public static final int FORMAT_EXTENDED = 0x1;
        public static final int FORMAT_LAYOUT_SHIFT = 1;
        public static final int FORMAT_LAYOUT_MASK = 0x7;
        public static final int FORMAT_ONE_LINK_OR_NO_DOT = 0x10;
        public static final int FORMAT_KNOWN = 0x1F;

        private InodeHeader() {}
    }

    /** The chunk format of a chunk-based inode, the low 16 bits of its {@code DATA}, and its index entries. */
    public static final class Chunk {
        /** log2(chunk size / block size). */
        public static final int FORMAT_BITS = 0x1F;
        /** Eight byte indexes; else a map of four byte block addresses. */
        public static final int FORMAT_INDEXES = 0x20;

        public static final int FORMAT_48BIT = 0x40;
        public static final int FORMAT_KNOWN = 0x7F;

        public static final int INDEX_SIZE = 8;
        public static final int MAP_SIZE = 4;

        public static final int ADDRESS_HIGH = 0;
        public static final int DEVICE = 2;
        public static final int ADDRESS = 4;

        private Chunk() {}
    }

    /** A directory entry; the names follow all entries of the block. */
    public static final class Dirent {
        public static final int SIZE = 12;

        public static final int NID = 0;
        public static final int NAME_OFFSET = 8;
        public static final int TYPE = 10;

        private Dirent() {}
    }

    /**
     * Extended attributes: behind the inode a header, the ids of shared ones, then entries up to the end of the area, which has
     * 12 + 4 * (count - 1) bytes. A shared entry lies at xattrBlock * blockSize + 4 * id.
     */
    public static final class Xattr {
        public static final int HEADER_SIZE = 12;
        public static final int NAME_FILTER = 0;
        public static final int SHARED_COUNT = 4;

        public static final int ALIGNMENT = 4;
        public static final int ENTRY_SIZE = 4;
        public static final int NAME_LENGTH = 0;
        public static final int NAME_INDEX = 1;
        public static final int VALUE_SIZE = 2;

        /** Set in a name index: the rest is a number in the table of long prefixes. */
        public static final int LONG_PREFIX = 0x80;

        public static final int MAX_VALUE = 65535;

        private Xattr() {}
    }
}
