package dev.rafter.format.rafs;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** The tar headers between the parts of a layer blob: GNU format, all attributes zero, so that blobs are reproducible. */
final class RafsTarHeader {
    private static final int NAME_OFFSET = 0;
    private static final int MODE_OFFSET = 100;
    private static final int UID_OFFSET = 108;
    private static final int GID_OFFSET = 116;
    private static final int SIZE_OFFSET = 124;
    private static final int MTIME_OFFSET = 136;
    private static final int CHECKSUM_OFFSET = 148;
    private static final int CHECKSUM_SIZE = 8;
    private static final int TYPE_OFFSET = 156;
    private static final int MAGIC_OFFSET = 257;
    private static final int SHORT_DIGITS = 7;
    private static final int LONG_DIGITS = 11;
    private static final int CHECKSUM_DIGITS = 7;
    private static final byte[] GNU_MAGIC = "ustar  \0".getBytes(StandardCharsets.US_ASCII);

    private RafsTarHeader() {}

    /** Of a part of a blob: the reference tools leave mode, uid and gid as NULs. */
    static ByteBuffer part(String name, long size) {
        byte[] header = named(name, '0', size);
        return finish(header);
    }

    /** Of an entry of a bootstrap layer. */
    static ByteBuffer entry(String name, char type, int mode, long size) {
        byte[] header = named(name, type, size);
        putOctal(header, MODE_OFFSET, mode, SHORT_DIGITS);
        putOctal(header, UID_OFFSET, 0, SHORT_DIGITS);
        putOctal(header, GID_OFFSET, 0, SHORT_DIGITS);
        return finish(header);
    }

    private static byte[] named(String name, char type, long size) {
        byte[] header = new byte[RafsLayout.TarHeader.SIZE];
        byte[] bytes = name.getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(bytes, 0, header, NAME_OFFSET, bytes.length);
        putSize(header, size);
        putOctal(header, MTIME_OFFSET, 0, LONG_DIGITS);
        header[TYPE_OFFSET] = (byte) type;
        System.arraycopy(GNU_MAGIC, 0, header, MAGIC_OFFSET, GNU_MAGIC.length);
        return header;
    }

    /** Octal up to 8 GiB, above that the base-256 form of GNU tar. */
    private static void putSize(byte[] header, long size) {
        if (size < 1L << (3 * LONG_DIGITS)) {
            putOctal(header, SIZE_OFFSET, size, LONG_DIGITS);
            return;
        }
        ByteBuffer.wrap(header).putLong(SIZE_OFFSET + LONG_DIGITS + 1 - Long.BYTES, size);
        header[SIZE_OFFSET] = (byte) 0x80;
    }

    private static ByteBuffer finish(byte[] header) {
        int sum = CHECKSUM_SIZE * ' ';
        for (byte b : header) {
            sum += b & 0xFF;
        }
        putOctal(header, CHECKSUM_OFFSET, sum, CHECKSUM_DIGITS);
        return ByteBuffer.wrap(header);
    }

    private static void putOctal(byte[] header, int offset, long value, int digits) {
        long rest = value;
        for (int i = offset + digits - 1; i >= offset; i--) {
            header[i] = (byte) ('0' + (rest & 7));
            rest >>= 3;
        }
    }
}
