package dev.rafter.fetch;

/**
 * What the way to a source is like, from the fetches that were made: time to the first byte, and bytes a second after it. Exponentially
 * weighted means; a guess before the first fetch. Thread safe.
 */
final class LinkEstimate {
    /** Weight of a new sample. */
    private static final double ALPHA = 0.25;
    /** Ranges shorter than this come in one burst and say nothing about the rate. */
    private static final long SHORTEST_FOR_RATE_BYTES = 64 << 10;

    private double firstByteNanos = 20_000_000;
    private double bytesPerNano = 0.0125;
    private boolean measured;

    synchronized void sample(long firstByteAfterNanos, long bytes, long restNanos) {
        firstByteNanos = measured ? mix(firstByteNanos, (double) firstByteAfterNanos) : (double) firstByteAfterNanos;
        if (bytes >= SHORTEST_FOR_RATE_BYTES && restNanos > 0) {
            bytesPerNano = mix(bytesPerNano, (double) bytes / restNanos);
        }
        measured = true;
    }

    private static double mix(double mean, double sample) {
        return mean + ALPHA * (sample - mean);
    }

    /** How many bytes come in the time that a request takes to answer: asking for fewer saves nothing. */
    synchronized long bandwidthDelayBytes() {
        return (long) (firstByteNanos * bytesPerNano);
    }
}
