package dev.rafter.format.tar;

/**
 * The header of an entry, one block of 512 bytes; contents follow, padded to whole blocks, and two blocks of zeros end the archive.
 *
 * <pre>
 *    0 name      100 mode   8   108 uid    8   116 gid  8   124 size 12   136 mtime 12   148 checksum 8
 *  156 type   1  157 link name 100   257 magic 6   263 version 2   265 user 32   297 group 32
 *  329 device major 8   337 device minor 8   345 prefix 155 (ustar; 131 in star's dialect)
 *
 *  GNU, instead of the prefix, in a sparse file:
 *  386 four of {offset 12, size 12}   482 another block of 21 follows   483 size of the file 12
 * </pre>
 *
 * Numbers are octal digits between blanks and NULs, or, if the top bit of the first byte is set, two's complement in base 256.
 */
final class TarLayout {
    static final int BLOCK_SIZE = 512;

    static final int NAME = 0;
    static final int NAME_LENGTH = 100;
    static final int MODE = 100;
    static final int UID = 108;
    static final int GID = 116;
    static final int SIZE = 124;
    static final int MTIME = 136;
    static final int CHECKSUM = 148;
    static final int CHECKSUM_LENGTH = 8;
    static final int TYPE = 156;
    static final int LINK_NAME = 157;
    static final int LINK_NAME_LENGTH = 100;
    static final int MAGIC = 257;
    static final int DEVICE_MAJOR = 329;
    static final int DEVICE_MINOR = 337;
    static final int PREFIX = 345;
    static final int PREFIX_LENGTH = 155;
    static final int STAR_PREFIX_LENGTH = 131;
    static final int STAR_MAGIC = 508;

    static final int SMALL_NUMBER_LENGTH = 8;
    static final int LARGE_NUMBER_LENGTH = 12;

    static final int GNU_SPARSE = 386;
    static final int GNU_SPARSE_COUNT = 4;
    static final int GNU_SPARSE_MORE = 482;
    static final int GNU_SPARSE_REAL_SIZE = 483;
    static final int GNU_SPARSE_EXTENSION_COUNT = 21;
    static final int GNU_SPARSE_EXTENSION_MORE = 504;
    static final int GNU_SPARSE_ENTRY_SIZE = 24;

    static final String MAGIC_POSIX = "ustar\0";
    static final String MAGIC_GNU = "ustar ";
    static final String MAGIC_STAR = "tar\0";

    static final char TYPE_REGULAR_OLD = '\0';
    static final char TYPE_REGULAR = '0';
    static final char TYPE_HARD_LINK = '1';
    static final char TYPE_SYMLINK = '2';
    static final char TYPE_CHARACTER_DEVICE = '3';
    static final char TYPE_BLOCK_DEVICE = '4';
    static final char TYPE_DIRECTORY = '5';
    static final char TYPE_FIFO = '6';
    static final char TYPE_CONTIGUOUS = '7';
    static final char TYPE_GNU_LONG_LINK = 'K';
    static final char TYPE_GNU_LONG_NAME = 'L';
    static final char TYPE_GNU_SPARSE = 'S';
    static final char TYPE_PAX_GLOBAL = 'g';
    static final char TYPE_PAX = 'x';

    static final String PAX_SCHILY_XATTR = "SCHILY.xattr.";
    static final String PAX_LIBARCHIVE_XATTR = "LIBARCHIVE.xattr.";
    static final String PAX_SPARSE = "GNU.sparse.";

    /** 16 TiB: what the largest device holds. */
    static final long MAX_FILE_SIZE = 1L << 44;

    /** Of one extended header or long name: what Go's reader, and so Docker and containerd, take. */
    static final int MAX_EXTENSION_SIZE = 1 << 20;

    /** Of all such headers before one entry. */
    static final int MAX_EXTENSIONS_SIZE = 2 << 20;

    /** Of the global records, which every entry takes along. */
    static final int MAX_GLOBAL_SIZE = 64 << 10;

    static final int MAX_SPARSE_REGIONS = 1 << 20;

    private TarLayout() {}

    /** Bytes from a size to the next block. */
    static int padding(long size) {
        return (int) (-size & (BLOCK_SIZE - 1));
    }

    /** The sum of a header's bytes, those of the checksum itself counted as blanks. */
    static int checksum(byte[] header, boolean signed) {
        int sum = CHECKSUM_LENGTH * ' ';
        for (int i = 0; i < BLOCK_SIZE; i++) {
            if (i < CHECKSUM || i >= CHECKSUM + CHECKSUM_LENGTH) {
                sum += signed ? header[i] : header[i] & 0xFF;
            }
        }
        return sum;
    }
}
