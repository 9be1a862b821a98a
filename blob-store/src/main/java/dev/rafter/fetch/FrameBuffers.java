package dev.rafter.fetch;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Direct buffers for frames, for the whole node, together bounded. A fetch leases what one frame needs, stored and decoded, in one step, so
 * that no two can each hold half of what they need. Thread safe.
 */
final class FrameBuffers {
    /** Buffers come in powers of two from here on, so that a few sizes serve all. */
    private static final int SMALLEST_BYTES = 64 << 10;

    private final long maxBytes;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition freed = lock.newCondition();
    private final Deque<ByteBuffer> idle = new ArrayDeque<>();
    private long leasedBytes;
    private long idleBytes;

    FrameBuffers(long maxBytes) {
        this.maxBytes = maxBytes;
    }

    /** Room for one frame. */
    final class Lease implements AutoCloseable {
        private final ByteBuffer stored;
        private final ByteBuffer decoded;

        private Lease(ByteBuffer stored, ByteBuffer decoded) {
            this.stored = stored;
            this.decoded = decoded;
        }

        /** An empty buffer of exactly this size, at most what was leased. */
        ByteBuffer stored(int sizeBytes) {
            return stored.clear().limit(sizeBytes).slice();
        }

        /** An empty buffer of exactly this size, at most what was leased. */
        ByteBuffer decoded(int sizeBytes) {
            return decoded.clear().limit(sizeBytes).slice();
        }

        @Override
        public void close() {
            giveBack(this);
        }
    }

    /** Leases room; waits for others to give theirs back. A frame larger than the bound is let through when it is alone. */
    Lease lease(int storedBytes, int decodedBytes) throws InterruptedException {
        int storedSize = roundUp(storedBytes);
        int decodedSize = roundUp(decodedBytes);
        lock.lockInterruptibly();
        try {
            while (leasedBytes > 0 && leasedBytes + storedSize + decodedSize > maxBytes) {
                freed.await();
            }
            leasedBytes += storedSize + decodedSize;
            return new Lease(take(storedSize), take(decodedSize));
        } finally {
            lock.unlock();
        }
    }

    private static int roundUp(int sizeBytes) {
        return Math.max(SMALLEST_BYTES, Integer.highestOneBit(Math.max(1, sizeBytes - 1)) << 1);
    }

    private ByteBuffer take(int sizeBytes) {
        for (Iterator<ByteBuffer> buffers = idle.iterator(); buffers.hasNext(); ) {
            ByteBuffer buffer = buffers.next();
            if (buffer.capacity() == sizeBytes) {
                buffers.remove();
                idleBytes -= sizeBytes;
                return buffer;
            }
        }
        return ByteBuffer.allocateDirect(sizeBytes);
    }

    private void giveBack(Lease lease) {
        lock.lock();
        try {
            leasedBytes -= lease.stored.capacity() + lease.decoded.capacity();
            keep(lease.stored);
            keep(lease.decoded);
            freed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void keep(ByteBuffer buffer) {
        idle.addFirst(buffer);
        idleBytes += buffer.capacity();
        while (idleBytes > maxBytes / 2) {
            idleBytes -= idle.removeLast().capacity();
        }
    }
}
