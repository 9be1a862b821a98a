package dev.rafter.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.lang.foreign.MemorySegment;

/**
 * {@code struct fanotify_event_metadata}, a range record behind it, and {@code struct fanotify_response}.
 *
 * <pre>
 *    0          4      5      6             8               16         20         24
 *   +----------+------+------+-------------+---------------+----------+----------+
 *   | event_len| vers | 0    | metadata_len| mask          | fd       | pid      |
 *   +----------+------+------+-------------+---------------+----------+----------+
 *   | type 6, pad, len 24, pad (8 bytes)   | offset        | count               |
 *   +--------------------------------------+---------------+---------------------+
 * </pre>
 */
public final class EventLayout {
    public static final int METADATA_SIZE_BYTES = 24;
    public static final int RANGE_SIZE_BYTES = 24;
    public static final int RESPONSE_SIZE_BYTES = 8;
    public static final byte RANGE = 6;
    public static final long FAN_Q_OVERFLOW = 0x4000;
    public static final int ALLOW = 1;
    private static final int DENY = 2;
    private static final int EIO = 5;
    /** The reader gets EIO. */
    public static final int DENY_WITH_EIO = DENY | EIO << 24;

    private EventLayout() {}

    public static int length(MemorySegment events, long at) {
        return events.get(JAVA_INT_UNALIGNED, at);
    }

    public static long mask(MemorySegment events, long at) {
        return events.get(JAVA_LONG_UNALIGNED, at + 8);
    }

    public static int fd(MemorySegment events, long at) {
        return events.get(JAVA_INT_UNALIGNED, at + 16);
    }

    public static boolean hasRange(MemorySegment events, long at) {
        return length(events, at) >= METADATA_SIZE_BYTES + RANGE_SIZE_BYTES
                && events.get(JAVA_BYTE, at + METADATA_SIZE_BYTES) == RANGE;
    }

    public static long offset(MemorySegment events, long at) {
        return events.get(JAVA_LONG_UNALIGNED, at + METADATA_SIZE_BYTES + 8);
    }

    public static long count(MemorySegment events, long at) {
        return events.get(JAVA_LONG_UNALIGNED, at + METADATA_SIZE_BYTES + 16);
    }

    public static void response(MemorySegment target, int fd, int response) {
        target.set(JAVA_INT_UNALIGNED, 0, fd);
        target.set(JAVA_INT_UNALIGNED, 4, response);
    }
}
