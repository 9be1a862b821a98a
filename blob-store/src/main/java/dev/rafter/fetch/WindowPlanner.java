package dev.rafter.fetch;

import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * Reads ahead in windows. What a program reads lies together: files of one folder and one kind, neighbouring pages of one library. So a
 * miss far from everything fetches one window beyond itself, about as many bytes as the link carries in a round trip, which costs one more
 * round trip at most. A miss right behind a window, or a reader that comes to the middle of one, is a sign that the neighbourhood is
 * wanted: the next window is larger, and in the second case it is under way before anybody waits for it.
 */
final class WindowPlanner implements FetchPlanner {
    private static final int SMALLEST_BYTES = 128 << 10;
    private static final int LARGEST_FIRST_BYTES = 512 << 10;
    private static final int LARGEST_BYTES = 4 << 20;
    /** The least that windows may grow to. */
    private static final int LEAST_LIMIT_BYTES = 1 << 20;
    /** How much larger the next window of a run is, in halves: 3/2. */
    private static final int GROWTH_HALVES = 3;
    /** More windows than any start of a program makes; the lowest are forgotten first. */
    private static final int MAX_WINDOWS = 4096;

    private final LinkEstimate link;
    private final NavigableMap<Long, Window> windows = new TreeMap<>();

    private record Window(long end, int storedBytes) {}

    WindowPlanner(LinkEstimate link) {
        this.link = link;
    }

    @Override
    public int beyondDemand(long deviceOffset, long deviceEnd) {
        Map.Entry<Long, Window> before = windows.lowerEntry(deviceOffset);
        boolean follows = before != null && before.getValue().end() >= deviceOffset;
        return follows ? grown(before.getValue()) : firstBytes();
    }

    @Override
    public Ahead atMark(long deviceOffset) {
        Map.Entry<Long, Window> at = windows.floorEntry(deviceOffset);
        return at == null || at.getValue().end() <= deviceOffset
                ? Ahead.NOTHING
                : new Ahead(at.getValue().end(), grown(at.getValue()));
    }

    @Override
    public long fetched(long deviceOffset, long deviceEnd, int beyondBytes) {
        windows.put(deviceOffset, new Window(deviceEnd, beyondBytes));
        if (windows.size() > MAX_WINDOWS) {
            windows.pollFirstEntry();
        }
        return deviceOffset + (deviceEnd - deviceOffset) / 2;
    }

    private int firstBytes() {
        return Math.clamp(link.bandwidthDelayBytes(), SMALLEST_BYTES, LARGEST_FIRST_BYTES);
    }

    private int grown(Window window) {
        int limit = Math.clamp(4 * link.bandwidthDelayBytes(), LEAST_LIMIT_BYTES, LARGEST_BYTES);
        return (int) Math.min(limit, (long) window.storedBytes() * GROWTH_HALVES / 2);
    }
}
