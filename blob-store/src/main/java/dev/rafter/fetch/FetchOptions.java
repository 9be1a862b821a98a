package dev.rafter.fetch;

import java.time.Duration;

/**
 * How fetching works on a node.
 *
 * @param demandTimeout how long a demand waits for its bytes, over all retries; then its reader gets an error
 * @param maxRequestsPerHost how many ranged requests are under way at once at one host; what nobody waits for may take half as many
 * @param maxBufferBytes how much memory frames may take that are being received and decoded
 */
public record FetchOptions(Duration demandTimeout, int maxRequestsPerHost, long maxBufferBytes) {
    public static final FetchOptions DEFAULTS = new FetchOptions(Duration.ofSeconds(30), 16, 48L << 20);

    public FetchOptions {
        if (demandTimeout.isNegative() || demandTimeout.isZero() || maxRequestsPerHost < 1 || maxBufferBytes < 1) {
            throw new IllegalArgumentException("demandTimeout=" + demandTimeout + " maxRequestsPerHost="
                    + maxRequestsPerHost + " maxBufferBytes=" + maxBufferBytes);
        }
    }

    public FetchOptions withDemandTimeout(Duration other) {
        return new FetchOptions(other, maxRequestsPerHost, maxBufferBytes);
    }
}
