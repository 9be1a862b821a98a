package dev.rafter.registry.embedded;

/** One direction of a link: a clock that says when the next bytes have their turn. Guarded by its own lock, never held while waiting. */
final class Direction {
    private final long bytesPerSecond;
    private long freeAtNanos;

    Direction(LinkSpeed speed) {
        bytesPerSecond = speed.bytesPerSecond();
        freeAtNanos = System.nanoTime();
    }

    /**
     * Books the link for some bytes.
     *
     * @return when the last of them has left, on the clock of {@link System#nanoTime()}
     */
    synchronized long book(int bytes) {
        long now = System.nanoTime();
        if (bytesPerSecond == LinkSpeed.UNLIMITED) {
            return now;
        }
        long start = Math.max(now, freeAtNanos);
        freeAtNanos = start + bytes * 1_000_000_000L / bytesPerSecond;
        return freeAtNanos;
    }
}
