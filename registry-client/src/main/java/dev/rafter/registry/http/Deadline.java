package dev.rafter.registry.http;

import java.time.Duration;

/** The moment by which something must be done, or none. Immutable; runs on the monotonic clock. */
public final class Deadline {
    /** No deadline: each wait is bounded by itself only. */
    public static final Deadline NONE = new Deadline(false, 0);

    private final boolean bounded;
    private final long atNanos;

    private Deadline(boolean bounded, long atNanos) {
        this.bounded = bounded;
        this.atNanos = atNanos;
    }

    /** This long from now. */
    public static Deadline after(Duration duration) {
        return new Deadline(true, System.nanoTime() + duration.toNanos());
    }

    /** This one, or that long from now if it is later. */
    public Deadline atMost(Duration duration) {
        Deadline other = after(duration);
        return remainingMillis() <= other.remainingMillis() ? this : other;
    }

    /** Milliseconds that remain, 0 if it has passed, {@link Long#MAX_VALUE} without a deadline. */
    public long remainingMillis() {
        return bounded ? Math.max(0, (atNanos - System.nanoTime() + 999_999) / 1_000_000) : Long.MAX_VALUE;
    }

    public boolean hasPassed() {
        return remainingMillis() == 0;
    }
}
