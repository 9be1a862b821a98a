package dev.rafter.format.erofs;

import dev.rafter.format.CorruptImageException;
import dev.rafter.format.ImageBytes;
import dev.rafter.format.ImageException;
import dev.rafter.format.erofs.ErofsLayout.DeviceSlot;
import dev.rafter.format.erofs.ErofsLayout.SuperblockHeader;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.zip.CRC32C;

/**
 * The superblock, as read: every offset and count in it lies within bounds.
 *
 * @param blockBits log2 of the block size
 * @param inodes number of inodes, as statfs shows it
 * @param epochSeconds time of compact inodes, and their base
 * @param epochNanos nanoseconds of compact inodes
 * @param blocks of the image itself; in RAFS v6 a number that says nothing
 * @param metaBlock where nid 0 lies
 * @param xattrBlock where shared xattrs lie
 * @param uuid 32 hexadecimal digits
 * @param volumeName a byte string
 * @param extraDevices number of slots in the device table
 * @param deviceTableOffset byte offset of the device table
 * @param packedNid the inode that holds fragments of other files and long xattr prefixes, 0 if there is none
 */
public record Superblock(
        int blockBits,
        int featureCompat,
        int featureIncompat,
        long rootNid,
        long inodes,
        long epochSeconds,
        int epochNanos,
        long blocks,
        long metaBlock,
        long xattrBlock,
        String uuid,
        String volumeName,
        int extraDevices,
        long deviceTableOffset,
        int xattrPrefixCount,
        long xattrPrefixOffset,
        long packedNid) {

    private static final int NANOS_PER_SECOND = 1_000_000_000;
    private static final int MAX_XATTR_PREFIXES = 128;
    private static final int LARGEST_PAGE_BITS = 16;

    public int blockSize() {
        return 1 << blockBits;
    }

    boolean has(int incompatFeature) {
        return (featureIncompat & incompatFeature) != 0;
    }

    boolean hasCompat(int compatFeature) {
        return (featureCompat & compatFeature) != 0;
    }

    /** Reads and checks the superblock and all that it alone says. */
    static Superblock read(ImageBytes image, Dialect dialect) throws ImageException {
        return new Parser(image, dialect).parse();
    }

    /** Field by field: each is checked before another depends on it. */
    private record Parser(ImageBytes image, Dialect dialect) {
        Superblock parse() throws ImageException {
            image.check(ErofsLayout.SUPERBLOCK_OFFSET, SuperblockHeader.SIZE, "the superblock");
            checkMagic();
            int blockBits = blockBits();
            checkSlots(blockBits);
            int compat = (int) u32(SuperblockHeader.FEATURE_COMPAT, "compatible features");
            int incompat = features();
            checkChecksum(compat, blockBits);
            checkDirectoryBlocks();
            boolean wide = (incompat & ErofsLayout.INCOMPAT_48BIT) != 0;
            long wideRoot = wide ? u63(SuperblockHeader.ROOT_NID_8, "root nid") : 0;
            int root16 = u16(SuperblockHeader.ROOT_NID_2, "root nid");
            long blocks = u32(SuperblockHeader.BLOCKS, "block count") | (wideRoot != 0 ? (long) root16 << 32 : 0);
            checkBlocks(blocks, blockBits);
            boolean deviceTable = (incompat & ErofsLayout.INCOMPAT_DEVICE_TABLE) != 0;
            Superblock superblock = new Superblock(
                    blockBits,
                    compat,
                    incompat,
                    wideRoot != 0 ? wideRoot : root16,
                    s64(SuperblockHeader.INODES, "inode count"),
                    s64(SuperblockHeader.EPOCH, "epoch"),
                    nanos(),
                    blocks,
                    metaBlock(blockBits),
                    u32(SuperblockHeader.XATTR_BLOCK, "xattr block"),
                    HexFormat.of().formatHex(image.bytes(at(SuperblockHeader.UUID), 16, "uuid")),
                    volumeName(),
                    deviceTable ? u16(SuperblockHeader.EXTRA_DEVICES, "device count") : 0,
                    (long) u16(SuperblockHeader.DEVICE_TABLE_SLOT, "device table") * DeviceSlot.SIZE,
                    xattrPrefixCount(incompat),
                    u32(SuperblockHeader.XATTR_PREFIX_START, "xattr prefixes") * 4,
                    packedNid(incompat));
            checkPackedIsNotRoot(superblock);
            checkFingerprintPrefix(superblock);
            return superblock;
        }

        private void checkMagic() throws CorruptImageException {
            long magic = u32(SuperblockHeader.MAGIC, "magic");
            if (magic != ErofsLayout.MAGIC) {
                throw corrupt(
                        "not an EROFS image: magic 0x%08x instead of 0x%08x".formatted(magic, ErofsLayout.MAGIC),
                        SuperblockHeader.MAGIC);
            }
        }

        private int blockBits() throws ImageException {
            int bits = u8(SuperblockHeader.BLOCK_BITS, "block size");
            if (bits < ErofsLayout.MIN_BLOCK_BITS || bits > LARGEST_PAGE_BITS) {
                throw corrupt("block size of 2^" + bits + " bytes", SuperblockHeader.BLOCK_BITS);
            }
            if (bits > ErofsLayout.MAX_BLOCK_BITS) {
                throw image.unsupported("blocks of " + (1 << bits) + " bytes", at(SuperblockHeader.BLOCK_BITS));
            }
            return bits;
        }

        private void checkSlots(int blockBits) throws CorruptImageException {
            int slots = u8(SuperblockHeader.SLOTS, "superblock slots");
            long size = SuperblockHeader.SIZE + (long) SuperblockHeader.SLOT_SIZE * slots;
            if (size > roomInBlock(blockBits)) {
                throw corrupt("superblock of " + size + " bytes reaches out of its block", SuperblockHeader.SLOTS);
            }
            image.check(ErofsLayout.SUPERBLOCK_OFFSET, size, "the superblock with its slots");
        }

        private int features() throws ImageException {
            int incompat = (int) u32(SuperblockHeader.FEATURE_INCOMPAT, "incompatible features");
            int unknown = incompat & ~ErofsLayout.INCOMPAT_KNOWN;
            if (unknown != 0) {
                throw image.unsupported(
                        "unknown incompatible features 0x%x".formatted(unknown), at(SuperblockHeader.FEATURE_INCOMPAT));
            }
            if ((incompat & ErofsLayout.INCOMPAT_METABOX) != 0) {
                throw image.unsupported(
                        "inodes in a compressed metadata inode (METABOX)", at(SuperblockHeader.FEATURE_INCOMPAT));
            }
            return incompat;
        }

        private void checkChecksum(int compat, int blockBits) throws CorruptImageException {
            if ((compat & ErofsLayout.COMPAT_CHECKSUM) == 0) {
                return;
            }
            int room = roomInBlock(blockBits);
            image.check(ErofsLayout.SUPERBLOCK_OFFSET, room, "the block of the superblock");
            long computed = checksum(image.bytes(ErofsLayout.SUPERBLOCK_OFFSET, room, "the superblock"));
            long stored = u32(SuperblockHeader.CHECKSUM, "checksum");
            if (computed != stored) {
                throw corrupt(
                        "superblock checksum 0x%08x instead of 0x%08x".formatted(stored, computed),
                        SuperblockHeader.CHECKSUM);
            }
        }

        private void checkDirectoryBlocks() throws CorruptImageException {
            int bits = u8(SuperblockHeader.DIRECTORY_BLOCK_BITS, "directory block size");
            if (bits != 0) {
                throw corrupt(
                        "directory blocks of 2^" + bits + " filesystem blocks", SuperblockHeader.DIRECTORY_BLOCK_BITS);
            }
        }

        private void checkBlocks(long blocks, int blockBits) throws CorruptImageException {
            long there = (image.length() + (1L << blockBits) - 1) >>> blockBits;
            if (dialect == Dialect.EROFS && blocks > there) {
                throw corrupt(
                        "the image has " + there + " blocks, the superblock says " + blocks + ": it is cut off",
                        SuperblockHeader.BLOCKS);
            }
        }

        private int nanos() throws CorruptImageException {
            long nanos = u32(SuperblockHeader.FIXED_NANOS, "nanoseconds");
            if (nanos >= NANOS_PER_SECOND) {
                throw corrupt(nanos + " nanoseconds", SuperblockHeader.FIXED_NANOS);
            }
            return (int) nanos;
        }

        private long metaBlock(int blockBits) throws CorruptImageException {
            long block = u32(SuperblockHeader.META_BLOCK, "metadata block");
            if (block << blockBits >= image.length()) {
                throw corrupt("metadata begins at block " + block + ", behind the image", SuperblockHeader.META_BLOCK);
            }
            return block;
        }

        private String volumeName() throws CorruptImageException {
            String padded = image.string(at(SuperblockHeader.VOLUME_NAME), 16, "volume name");
            int end = padded.indexOf('\0');
            return end < 0 ? padded : padded.substring(0, end);
        }

        private int xattrPrefixCount(int incompat) throws CorruptImageException {
            if ((incompat & ErofsLayout.INCOMPAT_XATTR_PREFIXES) == 0) {
                return 0;
            }
            int count = u8(SuperblockHeader.XATTR_PREFIX_COUNT, "xattr prefix count");
            if (count > MAX_XATTR_PREFIXES) {
                throw corrupt(count + " long xattr prefixes", SuperblockHeader.XATTR_PREFIX_COUNT);
            }
            return count;
        }

        private long packedNid(int incompat) throws CorruptImageException {
            int users = ErofsLayout.INCOMPAT_FRAGMENTS | ErofsLayout.INCOMPAT_XATTR_PREFIXES;
            return (incompat & users) == 0 ? 0 : u63(SuperblockHeader.PACKED_NID, "packed inode's nid");
        }

        private void checkPackedIsNotRoot(Superblock superblock) throws CorruptImageException {
            if (superblock.packedNid != 0 && superblock.packedNid == superblock.rootNid) {
                throw corrupt("the packed inode is the root directory", SuperblockHeader.PACKED_NID);
            }
        }

        private void checkFingerprintPrefix(Superblock superblock) throws CorruptImageException {
            int number = u8(SuperblockHeader.FINGERPRINT_PREFIX, "fingerprint prefix");
            if (superblock.hasCompat(ErofsLayout.COMPAT_FINGERPRINTS) && number >= superblock.xattrPrefixCount) {
                throw corrupt(
                        "fingerprints are under xattr prefix " + number + " of " + superblock.xattrPrefixCount,
                        SuperblockHeader.FINGERPRINT_PREFIX);
            }
        }

        private static long at(int field) {
            return ErofsLayout.SUPERBLOCK_OFFSET + field;
        }

        private int u8(int field, String what) throws CorruptImageException {
            return image.u8(at(field), what);
        }

        private int u16(int field, String what) throws CorruptImageException {
            return image.u16(at(field), what);
        }

        private long u32(int field, String what) throws CorruptImageException {
            return image.u32(at(field), what);
        }

        private long s64(int field, String what) throws CorruptImageException {
            return image.s64(at(field), what);
        }

        private long u63(int field, String what) throws CorruptImageException {
            return image.u63(at(field), what);
        }

        private CorruptImageException corrupt(String problem, int field) {
            return image.corrupt(problem, at(field));
        }
    }

    /** The bytes from the start of the superblock to the end of its block. */
    static int roomInBlock(int blockBits) {
        int blockSize = 1 << blockBits;
        return blockSize > ErofsLayout.SUPERBLOCK_OFFSET ? blockSize - (int) ErofsLayout.SUPERBLOCK_OFFSET : blockSize;
    }

    /**
     * The checksum of a superblock: CRC-32C without the final inversion, with the checksum itself taken as zero.
     *
     * @param block from the start of the superblock to the end of its block
     */
    static long checksum(byte[] block) {
        byte[] zeroed = block.clone();
        Arrays.fill(zeroed, SuperblockHeader.CHECKSUM, SuperblockHeader.CHECKSUM + Integer.BYTES, (byte) 0);
        CRC32C crc = new CRC32C();
        crc.update(zeroed);
        return ~crc.getValue() & 0xFFFF_FFFFL;
    }
}
