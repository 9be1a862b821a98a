package dev.rafter.fetch;

import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Completes a blob in the background, from its beginning to its end, one fetch at a time. What comes with wrong bytes is left out, and asked
 * for again in another round, long after; when the source or the disk fails, the same is tried again, with pauses that grow.
 */
final class BackgroundFill implements Runnable {
    private static final Logger LOG = LoggerFactory.getLogger(BackgroundFill.class);
    private static final long FIRST_PAUSE_MILLIS = 100;
    private static final long LONGEST_PAUSE_MILLIS = 30_000;
    private static final long BETWEEN_ROUNDS_MILLIS = TimeUnit.MINUTES.toMillis(10);

    private final Fetches fetches;
    private final Semaphore asked = new Semaphore(0);

    /** Port: what a round is made of. */
    interface Fetches {
        /**
         * A fetch that brings the first chunk that is missing at or after an offset of the device; one that is under way already, if it
         * does. Null if none is missing there; and if the offset is 0, that ends the fill.
         */
        @Nullable
        Fetch nextToFill(long deviceOffset);
    }

    BackgroundFill(Fetches fetches) {
        this.fetches = fetches;
    }

    /** Somebody wants it filled who may know more chunks than the last one: what was left out is tried again now. */
    void again() {
        asked.release();
    }

    /** Until the blob is complete, or its fetcher closed, or this thread is interrupted. */
    @Override
    public void run() {
        try {
            while (fillOnce()) {
                asked.tryAcquire(BETWEEN_ROUNDS_MILLIS, TimeUnit.MILLISECONDS);
            }
        } catch (InterruptedException _) {
            LOG.debug("filling a blob was broken off");
        }
    }

    /** Rounds, until one has left something out; false when nothing more is missing. */
    private boolean fillOnce() throws InterruptedException {
        long at = 0;
        long pauseMillis = FIRST_PAUSE_MILLIS;
        boolean leftOut = false;
        while (true) {
            Fetch fetch = fetches.nextToFill(at);
            if (fetch == null) {
                if (at == 0 || leftOut) {
                    return leftOut;
                }
                at = 0; // something may have become missing behind us
                continue;
            }
            boolean failed = fetch.awaitEnd();
            if (fetch.failure() == null) {
                leftOut |= failed;
                at = fetch.deviceEnd();
                pauseMillis = FIRST_PAUSE_MILLIS;
            } else {
                Thread.sleep(pauseMillis);
                pauseMillis = Math.min(2 * pauseMillis, LONGEST_PAUSE_MILLIS);
            }
        }
    }
}
