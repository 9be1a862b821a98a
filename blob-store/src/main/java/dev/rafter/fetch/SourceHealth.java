package dev.rafter.fetch;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Whether a source may be asked. While requests fail, one at a time tries again, after pauses that grow from 100 ms to 1 s; whoever else
 * wants something waits for its outcome. So a storm of readers does not become a storm of requests, and all go on within a second of the
 * source being back. Not thread safe: its owner's lock guards it.
 */
final class SourceHealth {
    private static final long FIRST_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
    private static final long LONGEST_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(1);

    private @Nullable IOException failure;
    private long pauseNanos;
    private long retryAtNanos;
    private boolean trying;

    /** Whether a request may be made now; then it is to be reported. */
    boolean mayAsk(long nowNanos) {
        if (failure == null) {
            return true;
        }
        if (trying || nowNanos - retryAtNanos < 0) {
            return false;
        }
        trying = true;
        return true;
    }

    /** How long to wait before asking {@link #mayAsk} again, if nothing happens before. */
    long nanosToWait(long nowNanos) {
        return trying ? LONGEST_PAUSE_NANOS : Math.max(1, retryAtNanos - nowNanos);
    }

    /** The last failure, if no request has succeeded since. */
    @Nullable
    IOException failure() {
        return failure;
    }

    void failed(IOException why, long nowNanos) {
        if (failure == null || trying) {
            pauseNanos = failure == null ? FIRST_PAUSE_NANOS : Math.min(2 * pauseNanos, LONGEST_PAUSE_NANOS);
            retryAtNanos = nowNanos + pauseNanos;
        }
        failure = why;
        trying = false;
    }

    void succeeded() {
        failure = null;
        trying = false;
    }
}
