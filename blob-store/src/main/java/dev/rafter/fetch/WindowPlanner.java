package dev.rafter.fetch;

import java.util.Map;
import java.util.NavigableMap;
import java.util.NavigableSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.LongSupplier;

/**
 * Reads ahead in windows. What a program reads lies together: files of one folder and one kind, neighbouring pages of one library. So a
 * miss far from everything fetches one window beyond itself, two thirds of what the link carries in a round trip: it costs less than the
 * round trip that it may save. What else it does is for neighbourhoods that turn out to be wanted:
 *
 * <ul>
 *   <li>Where there were misses before, as in a library whose pages are read in no order, a window is half as large again, and with
 *       three of them twice as large; and what is missing between it and what was fetched before comes with it.
 *   <li>A miss right behind a window, and a reader that comes to the middle of one, make the next window twice as large as that one; in
 *       the second case it is under way before anybody waits for it.
 * </ul>
 */
final class WindowPlanner implements FetchPlanner {
    private static final int SMALLEST_BYTES = 224 << 10;
    private static final int LARGEST_BYTES = 1 << 20;
    /** How far off misses are neighbours, and how large windows grow, in first windows. */
    private static final int NEIGHBOURHOOD = 4;
    /** How many misses make a neighbourhood one that is read in no order. */
    private static final int MANY_MISSES = 3;
    /** More windows, or misses, than any start of a program makes; the lowest are forgotten first. */
    private static final int MAX_REMEMBERED = 4096;

    private final LongSupplier bandwidthDelayBytes;
    /** By device offset. */
    private final NavigableMap<Long, Window> windows = new TreeMap<>();
    /** Where in the blob. */
    private final NavigableSet<Long> misses = new TreeSet<>();

    private record Window(long end, int storedBytes) {}

    /** @param bandwidthDelayBytes how many bytes come in the time that a request takes to answer */
    WindowPlanner(LongSupplier bandwidthDelayBytes) {
        this.bandwidthDelayBytes = bandwidthDelayBytes;
    }

    @Override
    public Around aroundDemand(long deviceOffset, long storedOffset) {
        Map.Entry<Long, Window> before = windows.lowerEntry(deviceOffset);
        boolean follows = before != null && before.getValue().end() >= deviceOffset;
        int first = firstBytes();
        int near = amongMisses(first, storedOffset);
        misses.add(storedOffset);
        if (misses.size() > MAX_REMEMBERED) {
            misses.pollFirst();
        }
        return new Around(first, follows ? Math.max(near, grown(before.getValue())) : near);
    }

    private int amongMisses(int first, long storedOffset) {
        long radius = (long) NEIGHBOURHOOD * first;
        int count = misses.subSet(storedOffset - radius, true, storedOffset + radius, true)
                .size();
        if (count == 0) {
            return first;
        }
        return count < MANY_MISSES ? first + first / 2 : 2 * first;
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
        if (windows.size() > MAX_REMEMBERED) {
            windows.pollFirstEntry();
        }
        return deviceOffset + (deviceEnd - deviceOffset) / 2;
    }

    private int firstBytes() {
        return Math.clamp(bandwidthDelayBytes.getAsLong() / 3 * 2, SMALLEST_BYTES, LARGEST_BYTES);
    }

    private int grown(Window window) {
        return Math.min(NEIGHBOURHOOD * firstBytes(), 2 * window.storedBytes());
    }
}
