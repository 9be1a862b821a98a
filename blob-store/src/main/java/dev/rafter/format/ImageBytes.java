package dev.rafter.format;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * The bytes of an image, little endian, every access checked: what lies outside is a {@link CorruptImageException} that names
 * what was looked for and where. Immutable view of a heap or mapped segment; as thread safe as the segment.
 */
public final class ImageBytes {
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final MemorySegment segment;
    private final String resource;

    /**
     * @param resource what to call the bytes in errors: an image reference, a blob, a file name
     */
    public ImageBytes(MemorySegment segment, String resource) {
        this.segment = segment.asReadOnly();
        this.resource = resource;
    }

    public long length() {
        return segment.byteSize();
    }

    public String resource() {
        return resource;
    }

    public MemorySegment segment() {
        return segment;
    }

    public int u8(long offset, String what) throws CorruptImageException {
        check(offset, 1, what);
        return Byte.toUnsignedInt(segment.get(ValueLayout.JAVA_BYTE, offset));
    }

    public int u16(long offset, String what) throws CorruptImageException {
        check(offset, Short.BYTES, what);
        return Short.toUnsignedInt(segment.get(SHORT, offset));
    }

    public long u32(long offset, String what) throws CorruptImageException {
        check(offset, Integer.BYTES, what);
        return Integer.toUnsignedLong(segment.get(INT, offset));
    }

    /** All 64 bits; the caller decides about the sign. */
    public long s64(long offset, String what) throws CorruptImageException {
        check(offset, Long.BYTES, what);
        return segment.get(LONG, offset);
    }

    /** An unsigned 64 bit number of which none over 2^63 - 1 is believed. */
    public long u63(long offset, String what) throws CorruptImageException {
        long value = s64(offset, what);
        if (value < 0) {
            throw corrupt(what + " " + Long.toUnsignedString(value) + " is 2^63 or more", offset);
        }
        return value;
    }

    public byte[] bytes(long offset, int length, String what) throws CorruptImageException {
        check(offset, length, what);
        byte[] bytes = new byte[length];
        MemorySegment.copy(segment, ValueLayout.JAVA_BYTE, offset, bytes, 0, length);
        return bytes;
    }

    /** A byte string (see {@link ByteStrings}). */
    public String string(long offset, int length, String what) throws CorruptImageException {
        return new String(bytes(offset, length, what), StandardCharsets.ISO_8859_1);
    }

    public MemorySegment slice(long offset, long length, String what) throws CorruptImageException {
        check(offset, length, what);
        return segment.asSlice(offset, length);
    }

    /** Whether a range lies wholly inside. */
    public boolean holds(long offset, long length) {
        return offset >= 0 && length >= 0 && offset <= segment.byteSize() - length;
    }

    /** Refuses a range that does not lie wholly inside. */
    public void check(long offset, long length, String what) throws CorruptImageException {
        if (!holds(offset, length)) {
            throw corrupt(
                    what + " of " + length + " bytes lies outside of the " + segment.byteSize()
                            + " bytes that are there",
                    offset);
        }
    }

    public CorruptImageException corrupt(String problem, long offset) {
        return new CorruptImageException(problem, resource, offset);
    }

    public UnsupportedImageException unsupported(String feature, long offset) {
        return new UnsupportedImageException(feature, resource, offset);
    }
}
