package dev.rafter.blob;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;

/**
 * Layout of the file {@code ready}: which blocks of a device are verified and in the cache file. Little endian.
 *
 * <pre>
 *   Ready map  --&gt; Header, Live, Synced
 *   Header     --&gt; Magic, Version, BlockSize, DeviceSize, BootId, Crc, zeros up to 4096
 *   Live       --&gt; Word^n, zeros up to a multiple of 4096        n = ceil(blocks / 64)
 *   Synced     --&gt; Sector^m                                     m = ceil(n / 63)
 *   Sector     --&gt; Word^63, Crc, u32 zero                        512 bytes
 *   Word       --&gt; 64 bits, bit i of word w: block 64 w + i
 *
 *    0               8       12      16              24                              40      44
 *   +---------------+-------+-------+---------------+-------------------------------+-------+
 *   | "RFREADY1"    |version|block  | device size   | boot id                       | crc   |  zeros ...
 *   +---------------+-------+-------+---------------+-------------------------------+-------+
 * </pre>
 *
 * <p><b>Live</b> is mapped into memory and is what readers look at. A bit is set once the bytes are written (pwrite returned). It is
 * believed only within the boot whose id the header holds: a daemon may die as it likes, the page cache still has the bytes.
 *
 * <p><b>Synced</b> is what is believed after another boot. A sector is a copy of live words that was taken <i>before</i> an fdatasync of
 * the data and written <i>after</i> it, so at every moment each bit of it stands for bytes on stable storage. A sector is one disk sector
 * with its own CRC-32C (over the words, then the sector's number): one that is torn, stale garbage or misplaced counts as all zeros.
 * Closing in order writes all sectors, so it needs no mark of its own.
 *
 * <p>The header is written once, with the file, under another name and renamed; it never changes.
 */
final class ReadyMapFormat {
    static final long MAGIC = 0x3159444145524652L; // "RFREADY1"
    static final int VERSION = 1;

    static final int MAGIC_OFFSET = 0;
    static final int VERSION_OFFSET = 8;
    static final int BLOCK_SIZE_OFFSET = 12;
    static final int DEVICE_SIZE_OFFSET = 16;
    static final int BOOT_ID_OFFSET = 24;
    static final int CRC_OFFSET = 40;
    static final int HEADER_SIZE_BYTES = 4096;

    static final int PAGE_SIZE_BYTES = 4096;
    static final int SECTOR_SIZE_BYTES = 512;
    static final int WORDS_PER_SECTOR = 63;
    static final int SECTOR_CRC_OFFSET = WORDS_PER_SECTOR * Long.BYTES;

    private ReadyMapFormat() {}

    static long wordCount(long deviceSizeBytes, int blockSizeBytes) {
        return Math.ceilDiv(Math.ceilDiv(deviceSizeBytes, blockSizeBytes), Long.SIZE);
    }

    static long liveSizeBytes(long words) {
        return Math.ceilDiv(words * Long.BYTES, PAGE_SIZE_BYTES) * PAGE_SIZE_BYTES;
    }

    static long sectorCount(long words) {
        return Math.ceilDiv(words, WORDS_PER_SECTOR);
    }

    static long sectorOffset(long words, long sector) {
        return HEADER_SIZE_BYTES + liveSizeBytes(words) + sector * SECTOR_SIZE_BYTES;
    }

    static long fileSizeBytes(long words) {
        return sectorOffset(words, sectorCount(words));
    }

    static ByteBuffer allocate(int sizeBytes) {
        return ByteBuffer.allocate(sizeBytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** CRC-32C of the header's fields, or of a sector's words and its number. */
    static int crc(ByteBuffer bytes, int length, long number) {
        CRC32C crc = new CRC32C();
        crc.update(bytes.duplicate().position(0).limit(length));
        crc.update(allocate(Long.BYTES).putLong(0, number));
        return (int) crc.getValue();
    }
}
