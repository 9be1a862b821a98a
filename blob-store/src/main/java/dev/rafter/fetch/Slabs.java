package dev.rafter.fetch;

import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Off-heap memory in pieces whose sizes are powers of two, so that a few sizes serve all. What is idle waits for the next who needs its
 * size, and is freed at once when another size is needed: nothing is left to the collector, which has little to do here and comes late. Not
 * thread safe.
 */
final class Slabs {
    private static final int SMALLEST_BITS = 14;
    private static final int SIZES = 31 - SMALLEST_BITS;

    /** By size. */
    private final List<Deque<Slab>> idle = new ArrayList<>();

    private long idleBytes;

    Slabs() {
        for (int i = 0; i < SIZES; i++) {
            idle.add(new ArrayDeque<>());
        }
    }

    /** One piece. */
    static final class Slab {
        private final Arena arena = Arena.ofShared();
        private final int size;
        final ByteBuffer bytes;

        private Slab(int size) {
            this.size = size;
            this.bytes = arena.allocate(1L << (SMALLEST_BITS + size), 64).asByteBuffer();
        }
    }

    private static int sizeFor(long bytes) {
        int bits = Long.SIZE - Long.numberOfLeadingZeros(Math.max(1, bytes - 1));
        return Math.max(0, bits - SMALLEST_BITS);
    }

    /** How large a piece is that holds so many bytes. */
    static long roundedUp(long bytes) {
        int size = sizeFor(bytes);
        if (bytes < 0 || size >= SIZES) {
            throw new IllegalArgumentException("bytes=" + bytes);
        }
        return 1L << (SMALLEST_BITS + size);
    }

    /**
     * A piece that holds so many bytes.
     *
     * @param idleBytesKept what may stay idle beside it
     */
    Slab take(long bytes, long idleBytesKept) {
        Slab slab = idle.get(sizeFor(bytes)).poll();
        if (slab != null) {
            idleBytes -= slab.bytes.capacity();
            return slab;
        }
        trim(idleBytesKept);
        return new Slab(sizeFor(bytes));
    }

    void giveBack(Slab slab) {
        idle.get(slab.size).push(slab);
        idleBytes += slab.bytes.capacity();
    }

    /** Frees what is idle, the largest pieces first, until no more than so many bytes are. */
    void trim(long keptBytes) {
        for (int size = SIZES - 1; size >= 0; size--) {
            while (idleBytes > Math.max(0, keptBytes) && !idle.get(size).isEmpty()) {
                Slab slab = idle.get(size).remove();
                idleBytes -= slab.bytes.capacity();
                slab.arena.close();
            }
        }
    }

    long idleBytes() {
        return idleBytes;
    }
}
