package dev.rafter.fetch;

import java.time.Duration;

/**
 * How fetching works on a node.
 *
 * @param demandTimeout how long a demand waits for its bytes, over all retries; then its reader gets an error
 * @param maxRequests how many ranged requests are under way at once; prefetch may use half of them
 * @param maxBufferBytes how much memory frames may take that are being received and decoded
 */
public record FetchOptions(Duration demandTimeout, int maxRequests, long maxBufferBytes) {
    public static final FetchOptions DEFAULTS = new FetchOptions(Duration.ofSeconds(30), 32, 48L << 20);

    public FetchOptions {
        if (demandTimeout.isNegative() || demandTimeout.isZero() || maxRequests < 2 || maxBufferBytes < 1) {
            throw new IllegalArgumentException("demandTimeout=" + demandTimeout + " maxRequests=" + maxRequests
                    + " maxBufferBytes=" + maxBufferBytes);
        }
    }

    public FetchOptions withDemandTimeout(Duration other) {
        return new FetchOptions(other, maxRequests, maxBufferBytes);
    }
}
