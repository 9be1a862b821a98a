package dev.rafter.fetch;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** The way to a host, measured by fetches that are in each other's way. */
final class LinkEstimateTest {
    private static final long MILLI = 1_000_000;
    private final LinkEstimate link = new LinkEstimate();

    @Test
    void theBestOfTheLastFetchesCounts() {
        link.sample(50 * MILLI, 1_000_000, 150 * MILLI);
        assertNear(500_000, "measured");
        link.sample(200 * MILLI, 1_000_000, 1_000 * MILLI);
        assertNear(500_000, "a slow one changes nothing");
        link.sample(25 * MILLI, 1_000, 26 * MILLI);
        assertNear(250_000, "a short one tells the time to the first byte alone");
        for (int i = 0; i < 16; i++) {
            link.sample(100 * MILLI, 1_000_000, 1_100 * MILLI);
        }
        assertNear(100_000, "what is long ago does not count");
    }

    @Test
    void bytesThatLayReadyDoNotMakeALinkFast() {
        link.sample(20 * MILLI, 1_000, 21 * MILLI);
        link.sample(99 * MILLI, 1_000_000, 100 * MILLI);
        assertNear(250_000, "what lay in a buffer came as slowly as the rest");
    }

    private void assertNear(long bytes, String why) {
        assertTrue(Math.abs(bytes - link.bandwidthDelayBytes()) <= 1, () -> why + ": " + link.bandwidthDelayBytes());
    }
}
