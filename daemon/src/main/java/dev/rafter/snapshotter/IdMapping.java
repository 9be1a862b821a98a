package dev.rafter.snapshotter;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * How the user or group ids inside a user namespace map to the host's: the list {@code CONTAINER:HOST:LENGTH[,...]} of the labels
 * uidmapping and gidmapping.
 */
record IdMapping(List<Range> ranges) {
    private static final long MAX_ID = 0xffff_fffeL;

    /** A run of ids. */
    record Range(long container, long host, long length) {
        boolean contains(long id) {
            return id >= container && id < container + length;
        }

        @Override
        public String toString() {
            return container + ":" + host + ":" + length;
        }
    }

    static IdMapping parse(String text) throws SnapshotException {
        List<Range> ranges = new ArrayList<>();
        for (String part : text.split(",", -1)) {
            ranges.add(range(part, text));
        }
        return new IdMapping(List.copyOf(ranges));
    }

    private static Range range(String part, String text) throws SnapshotException {
        String[] numbers = part.split(":", -1);
        try {
            if (numbers.length == 3) {
                Range range =
                        new Range(Long.parseLong(numbers[0]), Long.parseLong(numbers[1]), Long.parseLong(numbers[2]));
                if (isSane(range)) {
                    return range;
                }
            }
        } catch (NumberFormatException _) {
            // Reported below, with the whole mapping.
        }
        throw SnapshotException.invalid("id mapping \"" + text + "\": expected CONTAINER:HOST:LENGTH[,...]");
    }

    private static boolean isSane(Range range) {
        return range.container >= 0
                && range.host >= 0
                && range.length > 0
                && range.container + range.length - 1 <= MAX_ID
                && range.host + range.length - 1 <= MAX_ID;
    }

    /** Whether an id, unsigned, is one in the namespace. */
    boolean maps(int id) {
        return ranges.stream().anyMatch(range -> range.contains(Integer.toUnsignedLong(id)));
    }

    /**
     * The host's id of an id in the namespace, both unsigned.
     *
     * @throws SnapshotException if it is none
     */
    int toHost(int id) throws SnapshotException {
        for (Range range : ranges) {
            if (range.contains(Integer.toUnsignedLong(id))) {
                return (int) (range.host + Integer.toUnsignedLong(id) - range.container);
            }
        }
        throw SnapshotException.invalid(
                "id " + Integer.toUnsignedLong(id) + " is in none of the mapped ranges " + this);
    }

    /** As in the label. */
    @Override
    public String toString() {
        return ranges.stream().map(Range::toString).collect(Collectors.joining(","));
    }
}
