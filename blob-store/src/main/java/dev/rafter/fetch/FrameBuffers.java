package dev.rafter.fetch;

import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Off-heap buffers for frames, for the whole node, together bounded, idle ones included. A fetch leases what one frame needs, stored and
 * decoded, in one step, so that no two can each hold half of what they need. What is idle in the wrong size is freed at once when another
 * size is needed: nothing is left to the collector, which has little to do here and comes late. Thread safe.
 */
final class FrameBuffers implements AutoCloseable {
    /** Buffers come in powers of two from here on, so that a few sizes serve all. */
    private static final int SMALLEST_BITS = 14;

    private static final int SIZES = 33 - SMALLEST_BITS;

    private final long maxBytes;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition freed = lock.newCondition();
    /** By size. */
    private final List<Deque<Slab>> idle = new ArrayList<>();

    private long leasedBytes;
    private long idleBytes;
    private boolean closed;

    FrameBuffers(long maxBytes) {
        this.maxBytes = maxBytes;
        for (int i = 0; i < SIZES; i++) {
            idle.add(new ArrayDeque<>());
        }
    }

    private static final class Slab {
        private final Arena arena = Arena.ofShared();
        private final int size;
        private final ByteBuffer bytes;

        Slab(int size) {
            this.size = size;
            this.bytes = arena.allocate(sizeBytes(size), 64).asByteBuffer();
        }
    }

    private static long sizeBytes(int size) {
        return 1L << (SMALLEST_BITS + size);
    }

    private static int sizeFor(long bytes) {
        int bits = Long.SIZE - Long.numberOfLeadingZeros(Math.max(1, bytes - 1));
        return Math.max(0, bits - SMALLEST_BITS);
    }

    /** Room for one frame; to be closed once. */
    final class Lease implements AutoCloseable {
        private final Slab slab;
        private final int storedBytes;

        private Lease(Slab slab, int storedBytes) {
            this.slab = slab;
            this.storedBytes = storedBytes;
        }

        /** An empty buffer of exactly this size, at most what was leased. */
        ByteBuffer stored(int sizeBytes) {
            if (sizeBytes > storedBytes) {
                throw new IllegalArgumentException("sizeBytes=" + sizeBytes + " leased=" + storedBytes);
            }
            return slab.bytes.slice(0, sizeBytes);
        }

        /** An empty buffer of exactly this size, at most what was leased. */
        ByteBuffer decoded(int sizeBytes) {
            return slab.bytes.slice(storedBytes, sizeBytes);
        }

        @Override
        public void close() {
            giveBack(slab);
        }
    }

    /** Leases room; waits for others to give theirs back. A frame larger than the bound is let through when it is alone. */
    Lease lease(int storedBytes, int decodedBytes) throws InterruptedException {
        int size = sizeFor((long) storedBytes + decodedBytes);
        if (size >= SIZES - 2) {
            throw new IllegalArgumentException("storedBytes=" + storedBytes + " decodedBytes=" + decodedBytes);
        }
        lock.lockInterruptibly();
        try {
            while (leasedBytes > 0 && leasedBytes + sizeBytes(size) > maxBytes) {
                freed.await();
            }
            Slab slab = take(size);
            leasedBytes += sizeBytes(size);
            return new Lease(slab, storedBytes);
        } finally {
            lock.unlock();
        }
    }

    private Slab take(int size) {
        Slab slab = idle.get(size).poll();
        if (slab != null) {
            idleBytes -= sizeBytes(size);
            return slab;
        }
        freeIdle(maxBytes - leasedBytes - sizeBytes(size));
        return new Slab(size);
    }

    private void freeIdle(long keptBytes) {
        for (int size = SIZES - 1; size >= 0; size--) {
            while (idleBytes > Math.max(0, keptBytes) && !idle.get(size).isEmpty()) {
                idle.get(size).remove().arena.close();
                idleBytes -= sizeBytes(size);
            }
        }
    }

    private void giveBack(Slab slab) {
        lock.lock();
        try {
            leasedBytes -= sizeBytes(slab.size);
            idleBytes += sizeBytes(slab.size);
            idle.get(slab.size).push(slab);
            freeIdle(closed ? 0 : maxBytes - leasedBytes);
            freed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Bytes that are allocated now, leased or idle. */
    long allocatedBytes() {
        lock.lock();
        try {
            return leasedBytes + idleBytes;
        } finally {
            lock.unlock();
        }
    }

    /** Frees what is idle now and what is given back later. */
    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            freeIdle(0);
        } finally {
            lock.unlock();
        }
    }
}
