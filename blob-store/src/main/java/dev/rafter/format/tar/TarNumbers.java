package dev.rafter.format.tar;

import dev.rafter.format.ByteStrings;
import dev.rafter.format.CorruptImageException;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads the numbers of headers and of extended headers; whatever is none, or out of its range, is an error. */
final class TarNumbers {
    private static final Pattern DECIMAL = Pattern.compile("[0-9]+");
    /** So many digits never overflow, and no range here needs more. */
    private static final int MAX_DIGITS = 18;

    private static final Pattern TIME = Pattern.compile("(-?)([0-9]{1,18})(?:\\.([0-9]{0,64}))?");
    private static final int NANO_DIGITS = 9;
    private static final long NANOS_PER_SECOND = 1_000_000_000L;

    private final String resource;

    TarNumbers(String resource) {
        this.resource = resource;
    }

    /** Seconds, and nanoseconds upwards from them. */
    record Time(long seconds, int nanos) {}

    /** A field of a header, which may be negative only in base 256. */
    long field(byte[] block, int at, int length, String what, long offset) throws CorruptImageException {
        return (block[at] & 0x80) != 0
                ? base256(block, at, length, what, offset)
                : octal(block, at, length, what, offset);
    }

    /** A field from 0 to a limit. */
    long field(byte[] block, int at, int length, long limit, String what, long offset) throws CorruptImageException {
        return inRange(field(block, at, length, what, offset), limit, what, offset + at);
    }

    private long base256(byte[] block, int at, int length, String what, long offset) throws CorruptImageException {
        boolean negative = (block[at] & 0x40) != 0;
        long value = negative ? (block[at] | 0xFFFFFF80) : block[at] & 0x3F;
        for (int i = 1; i < length; i++) {
            if (value > Long.MAX_VALUE >> 8 || value < Long.MIN_VALUE >> 8) {
                throw new CorruptImageException("the " + what + " does not fit into 64 bits", resource, offset + at);
            }
            value = value << 8 | (block[at + i] & 0xFF);
        }
        return value;
    }

    private long octal(byte[] block, int at, int length, String what, long offset) throws CorruptImageException {
        int start = at;
        int end = at + length;
        while (start < end && block[start] == ' ') {
            start++;
        }
        long value = 0;
        while (start < end && block[start] >= '0' && block[start] <= '7') {
            value = value << 3 | (block[start++] - '0');
        }
        if (start < end && block[start] != ' ' && block[start] != 0) {
            String text = new String(block, at, length, StandardCharsets.ISO_8859_1);
            throw new CorruptImageException(
                    "the " + what + " is no number: \"" + ByteStrings.display(text) + "\"", resource, offset + at);
        }
        return value;
    }

    /** A decimal number of an extended header, from 0 to a limit. */
    long decimal(String text, long limit, String what, long offset) throws CorruptImageException {
        if (!DECIMAL.matcher(text).matches()) {
            throw new CorruptImageException("the " + what + " is no number: \"" + shown(text) + "\"", resource, offset);
        }
        if (text.length() > MAX_DIGITS) {
            throw new CorruptImageException(
                    "the " + what + " is " + shown(text) + ", at most " + limit, resource, offset);
        }
        return inRange(Long.parseLong(text), limit, what, offset);
    }

    private long inRange(long value, long limit, String what, long offset) throws CorruptImageException {
        if (value < 0 || value > limit) {
            throw new CorruptImageException("the " + what + " is " + value + ", at most " + limit, resource, offset);
        }
        return value;
    }

    /** A time of an extended header: seconds with a fraction, of which nanoseconds are kept; times before 1970 round down. */
    Time time(String text, long offset) throws CorruptImageException {
        Matcher time = TIME.matcher(text);
        if (!time.matches()) {
            throw new CorruptImageException("the mtime is no time: \"" + shown(text) + "\"", resource, offset);
        }
        long seconds = Long.parseLong(time.group(2));
        String fraction = time.group(3) == null ? "" : time.group(3);
        long nanos = Long.parseLong((fraction + "0".repeat(NANO_DIGITS)).substring(0, NANO_DIGITS));
        if (time.group(1).isEmpty()) {
            return new Time(seconds, (int) nanos);
        }
        boolean below = fraction.length() > NANO_DIGITS
                && !fraction.substring(NANO_DIGITS).chars().allMatch(c -> c == '0');
        nanos += below ? 1 : 0;
        return nanos == 0 ? new Time(-seconds, 0) : new Time(-seconds - 1, (int) (NANOS_PER_SECOND - nanos));
    }

    private static String shown(String text) {
        return ByteStrings.display(text.substring(0, Math.min(text.length(), 40)));
    }
}
