package dev.rafter.format.tar;

import dev.rafter.format.ByteStrings;
import dev.rafter.format.CorruptImageException;
import java.math.BigInteger;
import java.util.Arrays;

/**
 * A header block.
 *
 * <pre>
 *    0 name 100 | 100 mode 8 | 108 uid 8 | 116 gid 8 | 124 size 12 | 136 mtime 12 | 148 checksum 8 | 156 type 1 | 157 linkname 100
 *  257 magic 6 | 263 version 2 | 265 uname 32 | 297 gname 32 | 329 devmajor 8 | 337 devminor 8 | 345 prefix 155
 *  GNU sparse: 386 4 x (offset 12, bytes 12) | 482 isextended 1 | 483 realsize 12
 * </pre>
 */
final class TarHeaderBlock {
    static final int SIZE = 512;
    private static final int CHECKSUM_OFFSET = 148;
    private static final int CHECKSUM_SIZE = 8;
    private static final int MAGIC_OFFSET = 257;

    private final byte[] bytes;
    private final String resource;
    private final long offset;

    TarHeaderBlock(byte[] bytes, String resource, long offset) throws CorruptImageException {
        this.bytes = bytes;
        this.resource = resource;
        this.offset = offset;
        checkSum();
    }

    static boolean isZero(byte[] block) {
        return Arrays.equals(block, new byte[SIZE]);
    }

    private void checkSum() throws CorruptImageException {
        long unsigned = 0;
        long signed = 0;
        for (int i = 0; i < SIZE; i++) {
            boolean blank = i >= CHECKSUM_OFFSET && i < CHECKSUM_OFFSET + CHECKSUM_SIZE;
            unsigned += blank ? ' ' : bytes[i] & 0xff;
            signed += blank ? ' ' : bytes[i];
        }
        long stated = number(CHECKSUM_OFFSET, CHECKSUM_SIZE, "checksum");
        if (stated != unsigned && stated != signed) {
            throw corrupt("the tar header's checksum is " + stated + ", not " + unsigned);
        }
    }

    char type() {
        return bytes[156] == 0 ? '0' : (char) (bytes[156] & 0xff);
    }

    /** The path; the prefix field counts in POSIX headers alone, GNU's have other things there. */
    String path() {
        String name = text(0, 100);
        String prefix = text(MAGIC_OFFSET, 6).equals("ustar") && bytes[MAGIC_OFFSET + 5] == 0 ? text(345, 155) : "";
        return prefix.isEmpty() ? name : prefix + "/" + name;
    }

    String linkName() {
        return text(157, 100);
    }

    String text(int at, int length) {
        int end = at;
        while (end < at + length && bytes[end] != 0) {
            end++;
        }
        return ByteStrings.of(Arrays.copyOfRange(bytes, at, end));
    }

    int flag(int at) {
        return bytes[at];
    }

    /** A number in octal digits, or in base 256 with the first bit set; an empty field is 0. */
    long number(int at, int length, String field) throws CorruptImageException {
        if ((bytes[at] & 0x80) != 0) {
            return base256(at, length, field);
        }
        String digits = text(at, length).strip();
        long value = 0;
        for (int i = 0; i < digits.length(); i++) {
            char digit = digits.charAt(i);
            if (digit < '0' || digit > '7') {
                throw corrupt("the tar header's " + field + " is no number: \"" + ByteStrings.display(digits) + "\"");
            }
            value = value * 8 + (digit - '0');
        }
        return value;
    }

    private long base256(int at, int length, String field) throws CorruptImageException {
        byte[] raw = Arrays.copyOfRange(bytes, at, at + length);
        boolean negative = (raw[0] & 0x40) != 0;
        raw[0] = (byte) (negative ? raw[0] | 0x80 : raw[0] & 0x7f);
        BigInteger value = new BigInteger(raw);
        if (value.bitLength() > 63) {
            throw corrupt("the tar header's " + field + " is absurd: " + value);
        }
        return value.longValue();
    }

    CorruptImageException corrupt(String problem) {
        return new CorruptImageException(problem, resource, offset);
    }
}
