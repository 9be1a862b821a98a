package dev.rafter.fetch;

import java.util.Arrays;

/**
 * What the way to a source is like, from the last fetches that were made: the shortest time to the first byte, and the most bytes a second
 * after that time. The best, since whatever is measured while others use the link, or the processor, is too bad and never too good. A
 * guess before the first fetch. Thread safe.
 */
final class LinkEstimate {
    private static final int SAMPLES = 16;
    /** Ranges shorter than this come in one burst and say nothing about the rate. */
    private static final long SHORTEST_FOR_RATE_BYTES = 64 << 10;

    private static final long GUESSED_FIRST_BYTE_NANOS = 20_000_000;
    private static final double GUESSED_BYTES_PER_NANO = 0.0125;

    private final long[] firstByteNanos = new long[SAMPLES];
    private final double[] bytesPerNano = new double[SAMPLES];
    private int firstBytes;
    private int rates;

    synchronized void sample(long firstByteAfterNanos, long bytes, long allAfterNanos) {
        firstByteNanos[firstBytes++ % SAMPLES] = Math.max(1, firstByteAfterNanos);
        long receiving = allAfterNanos - shortestFirstByteNanos();
        if (bytes >= SHORTEST_FOR_RATE_BYTES && receiving > 0) {
            bytesPerNano[rates++ % SAMPLES] = (double) bytes / receiving;
        }
    }

    private long shortestFirstByteNanos() {
        return firstBytes == 0
                ? GUESSED_FIRST_BYTE_NANOS
                : Arrays.stream(firstByteNanos, 0, Math.min(firstBytes, SAMPLES))
                        .min()
                        .orElseThrow();
    }

    private double mostBytesPerNano() {
        return rates == 0
                ? GUESSED_BYTES_PER_NANO
                : Arrays.stream(bytesPerNano, 0, Math.min(rates, SAMPLES)).max().orElseThrow();
    }

    /** How many bytes come in the time that a request takes to answer: asking for fewer saves nothing. */
    synchronized long bandwidthDelayBytes() {
        return (long) (shortestFirstByteNanos() * mostBytesPerNano());
    }
}
