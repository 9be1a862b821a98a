package dev.rafter.fetch;

import java.util.concurrent.atomic.AtomicLongArray;

/** Marked blocks of a device, one bit each. Asking is for any thread, without lock or allocation. */
final class Marks {
    private final int blockBits;
    private final AtomicLongArray words;

    /**
     * Without marks.
     *
     * @param blockBits log2 of the block size
     */
    Marks(long deviceSizeBytes, int blockBits) {
        this.blockBits = blockBits;
        words = new AtomicLongArray(Math.toIntExact((deviceSizeBytes >>> blockBits) / Long.SIZE + 1));
    }

    void set(long deviceOffset) {
        long block = deviceOffset >>> blockBits;
        int word = word(block);
        words.setRelease(word, words.get(word) | 1L << block);
    }

    /** Takes back a mark. */
    void clear(long deviceOffset) {
        long block = deviceOffset >>> blockBits;
        int word = word(block);
        words.setRelease(word, words.get(word) & ~(1L << block));
    }

    /** The first marked offset in a range; -1 if there is none. */
    long first(long deviceOffset, long lengthBytes) {
        long block = deviceOffset >>> blockBits;
        long last = (deviceOffset + lengthBytes - 1) >>> blockBits;
        while (block <= last) {
            long rest = words.getAcquire(word(block)) >>> block;
            if (rest != 0) {
                long found = block + Long.numberOfTrailingZeros(rest);
                return found <= last ? found << blockBits : -1;
            }
            block = (block | Long.SIZE - 1) + 1;
        }
        return -1;
    }

    private int word(long block) {
        return (int) (block / Long.SIZE);
    }
}
