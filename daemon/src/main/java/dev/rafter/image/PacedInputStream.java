package dev.rafter.image;

import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * A download that is given up when it makes next to no progress. What waits for it has no deadline of its own, since its size may be
 * anything; and a registry that sends a byte now and then never runs into a time limit for a single read.
 */
final class PacedInputStream extends FilterInputStream {
    /** After this time it is given up when it was slower, on average, than this. */
    static final Duration GRACE = Duration.ofSeconds(60);

    static final long MIN_BYTES_PER_SECOND = 16 << 10;

    private final String resource;
    private final LongSupplier nanoTime;
    private final long startNanos;
    private long bytes;

    /** How long a download of this size can take before it is given up. */
    static Duration longest(long sizeBytes) {
        return GRACE.plusSeconds(sizeBytes / MIN_BYTES_PER_SECOND);
    }

    /** @param resource what to call it in errors */
    PacedInputStream(InputStream in, String resource) {
        this(in, resource, System::nanoTime);
    }

    PacedInputStream(InputStream in, String resource, LongSupplier nanoTime) {
        super(in);
        this.resource = resource;
        this.nanoTime = nanoTime;
        startNanos = nanoTime.getAsLong();
    }

    @Override
    public int read() throws IOException {
        int one = in.read();
        count(one < 0 ? -1 : 1);
        return one;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
        int count = in.read(buffer, offset, length);
        count(count);
        return count;
    }

    @Override
    public long skip(long count) throws IOException {
        long skipped = in.skip(count);
        count(skipped);
        return skipped;
    }

    private void count(long read) throws FailureException {
        bytes += Math.max(0, read);
        Duration elapsed = Duration.ofNanos(nanoTime.getAsLong() - startNanos);
        if (read >= 0 && elapsed.compareTo(GRACE) > 0 && bytes < elapsed.toSeconds() * MIN_BYTES_PER_SECOND) {
            throw new FailureException(
                    FailureKind.UNREACHABLE,
                    resource + ": only " + bytes + " bytes came in " + elapsed.toSeconds()
                            + " s; given up, since the registry or the network is too slow. Try again later");
        }
    }
}
