package dev.rafter.fetch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import org.junit.jupiter.api.Test;

final class SourceHealthTest {
    private static final long MILLI = 1_000_000;
    private final SourceHealth health = new SourceHealth();
    private final IOException down = new IOException("down");

    @Test
    void whileItFailsOneAtATimeTriesAfterGrowingPauses() {
        long now = Long.MAX_VALUE - 5; // nanoTime may overflow
        assertTrue(health.mayAsk(now));
        assertTrue(health.mayAsk(now));
        health.failed(down, now);
        health.failed(down, now); // more that were under way
        for (long pause : new long[] {100, 200, 400, 800, 1000, 1000}) {
            assertFalse(health.mayAsk(now + (pause - 1) * MILLI));
            assertEquals(MILLI, health.nanosToWait(now + (pause - 1) * MILLI));
            now += pause * MILLI;
            assertTrue(health.mayAsk(now), pause + " ms");
            assertFalse(health.mayAsk(now), "one at a time");
            health.failed(down, now);
            assertSame(down, health.failure());
        }
        now += 1000 * MILLI;
        assertTrue(health.mayAsk(now));
        health.succeeded();
        assertTrue(health.mayAsk(now));
        assertTrue(health.mayAsk(now));
        health.failed(down, now);
        assertTrue(health.mayAsk(now + 100 * MILLI), "pauses begin anew");
    }
}
