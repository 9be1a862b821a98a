package dev.rafter.fetch;

import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.LongAdder;

/** Counters of fetching on a node since it started. Thread safe. */
public final class FetchStats {
    private static final long[] WAIT_BOUNDS_MILLIS = {
        1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000
    };

    private final LongAdder demands = new LongAdder();
    private final LongAdder fetches = new LongAdder();
    private final LongAdder prefetches = new LongAdder();
    private final LongAdder fetchedBytes = new LongAdder();
    private final LongAdder decodedBytes = new LongAdder();
    private final LongAdder failedFetches = new LongAdder();
    private final LongAdder failedDemands = new LongAdder();
    private final LongAdder corruptChunks = new LongAdder();
    private final LongAdder waitNanos = new LongAdder();
    private final AtomicLongArray waits = new AtomicLongArray(WAIT_BOUNDS_MILLIS.length + 1);

    void fetchStarted(Priority priority) {
        (priority == Priority.DEMAND ? fetches : prefetches).increment();
    }

    void fetched(long storedBytes) {
        fetchedBytes.add(storedBytes);
    }

    void decoded(long bytes) {
        decodedBytes.add(bytes);
    }

    void fetchFailed() {
        failedFetches.increment();
    }

    void chunkCorrupt() {
        corruptChunks.increment();
    }

    void demandWaited(long nanos, boolean failed) {
        demands.increment();
        if (failed) {
            failedDemands.increment();
        }
        waitNanos.add(nanos);
        int bucket = 0;
        while (bucket < WAIT_BOUNDS_MILLIS.length && nanos > WAIT_BOUNDS_MILLIS[bucket] * 1_000_000) {
            bucket++;
        }
        waits.incrementAndGet(bucket);
    }

    /** Demands that had to wait. */
    public long demands() {
        return demands.sum();
    }

    /** Requests that a demand waited for. */
    public long fetches() {
        return fetches.sum();
    }

    /** Requests that nobody waited for when they were made. */
    public long prefetches() {
        return prefetches.sum();
    }

    /** Stored bytes received. */
    public long fetchedBytes() {
        return fetchedBytes.sum();
    }

    /** Bytes decoded and verified. */
    public long decodedBytes() {
        return decodedBytes.sum();
    }

    public long failedFetches() {
        return failedFetches.sum();
    }

    /** Demands whose reader got an error. */
    public long failedDemands() {
        return failedDemands.sum();
    }

    /** Chunks that came with wrong bytes. */
    public long corruptChunks() {
        return corruptChunks.sum();
    }

    /** Sum of all demands' waits. */
    public long waitNanos() {
        return waitNanos.sum();
    }

    /** Buckets of the demand waits' histogram, but for the last, which holds what is over all bounds. */
    public static int boundedBuckets() {
        return WAIT_BOUNDS_MILLIS.length;
    }

    /** The upper bound of a bucket. */
    public static long boundMillis(int bucket) {
        return WAIT_BOUNDS_MILLIS[bucket];
    }

    /** How many demands waited at most as long as a bucket's bound, and longer than the bound before. */
    public long waits(int bucket) {
        return waits.get(bucket);
    }
}
