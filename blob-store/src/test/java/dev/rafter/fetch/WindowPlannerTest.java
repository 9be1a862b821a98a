package dev.rafter.fetch;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** How much is fetched around a read. Device offsets are twice as large as the offsets in the blob here. */
final class WindowPlannerTest {
    private static final int FIRST = 400 << 10;

    private long bandwidthDelayBytes = FIRST * 3 / 2;
    private final WindowPlanner planner = new WindowPlanner(() -> bandwidthDelayBytes);

    private int demand(long storedOffset) {
        FetchPlanner.Around around = planner.aroundDemand(2 * storedOffset, storedOffset);
        planner.fetched(2 * storedOffset, 2 * storedOffset + 100, around.beyondBytes());
        return around.beyondBytes();
    }

    @Test
    void farFromEverythingItIsTwoThirdsOfWhatTheLinkCarriesInARoundTripWithinBounds() {
        assertEquals(FIRST, demand(0));
        assertEquals(FIRST, demand(10L * FIRST));
        bandwidthDelayBytes = 1;
        assertEquals(224 << 10, demand(100L * FIRST));
        bandwidthDelayBytes = 1L << 40;
        assertEquals(1 << 20, demand(1000L * FIRST));
    }

    @Test
    void whereThereWereMissesItIsMore() {
        demand(10L * FIRST);
        assertEquals(FIRST * 3 / 2, demand(13L * FIRST));
        assertEquals(FIRST * 3 / 2, demand(12L * FIRST));
        assertEquals(FIRST * 2, demand(11L * FIRST));
        assertEquals(FIRST, demand(20L * FIRST), "not from here");
    }

    @Test
    void behindAWindowItGrowsUpToFourFirstOnes() {
        planner.fetched(0, 1000, FIRST);
        assertEquals(2 * FIRST, planner.aroundDemand(1000, 1L << 40).beyondBytes());
        planner.fetched(1000, 2000, 2 * FIRST);
        assertEquals(4 * FIRST, planner.aroundDemand(2000, 1L << 41).beyondBytes());
        planner.fetched(2000, 3000, 4 * FIRST);
        assertEquals(4 * FIRST, planner.aroundDemand(3000, 1L << 42).beyondBytes());
        assertEquals(FIRST, planner.aroundDemand(3001, 1L << 43).beyondBytes(), "beyond its end");
    }

    @Test
    void aReaderInTheMiddleOfAWindowHasTheNextOneFetched() {
        long mark = planner.fetched(8192, 16384, FIRST);
        assertEquals(12288, mark);
        assertEquals(new FetchPlanner.Ahead(16384, 2 * FIRST), planner.atMark(mark));
        assertEquals(FetchPlanner.Ahead.NOTHING, planner.atMark(4096));
        assertEquals(FetchPlanner.Ahead.NOTHING, planner.atMark(16384));
    }
}
