package dev.rafter.fetch;

import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * Marked blocks of a device, one bit each, in pages that exist from their first mark on: a device may be as large as an image says. Asking
 * is for any thread, without lock or allocation; setting and clearing is one thread's at a time.
 */
final class Marks {
    private static final int PAGE_WORDS_BITS = 9;
    private static final int PAGE_BLOCKS_BITS = PAGE_WORDS_BITS + 6;
    private static final int PAGE_WORDS_MASK = (1 << PAGE_WORDS_BITS) - 1;

    private final int blockBits;
    private final AtomicReferenceArray<AtomicLongArray> pages;

    /**
     * Without marks.
     *
     * @param blockBits log2 of the block size
     */
    Marks(long deviceSizeBytes, int blockBits) {
        this.blockBits = blockBits;
        pages = new AtomicReferenceArray<>(Math.toIntExact((deviceSizeBytes >>> blockBits >>> PAGE_BLOCKS_BITS) + 1));
    }

    void set(long deviceOffset) {
        long block = deviceOffset >>> blockBits;
        AtomicLongArray page = pages.getAcquire(page(block));
        if (page == null) {
            page = new AtomicLongArray(1 << PAGE_WORDS_BITS);
            pages.setRelease(page(block), page);
        }
        page.setRelease(word(block), page.get(word(block)) | 1L << block);
    }

    /** Takes back a mark. */
    void clear(long deviceOffset) {
        long block = deviceOffset >>> blockBits;
        AtomicLongArray page = pages.getAcquire(page(block));
        if (page != null) {
            page.setRelease(word(block), page.get(word(block)) & ~(1L << block));
        }
    }

    /** The first marked offset in a range of the device; -1 if there is none. */
    long first(long deviceOffset, long lengthBytes) {
        long block = deviceOffset >>> blockBits;
        long last = (deviceOffset + lengthBytes - 1) >>> blockBits;
        while (block <= last) {
            AtomicLongArray page = pages.getAcquire(page(block));
            if (page == null) {
                block = ((block >>> PAGE_BLOCKS_BITS) + 1) << PAGE_BLOCKS_BITS;
                continue;
            }
            long rest = page.getAcquire(word(block)) >>> block;
            if (rest != 0) {
                long found = block + Long.numberOfTrailingZeros(rest);
                return found <= last ? found << blockBits : -1;
            }
            block = (block | Long.SIZE - 1) + 1;
        }
        return -1;
    }

    private static int page(long block) {
        return (int) (block >>> PAGE_BLOCKS_BITS);
    }

    private static int word(long block) {
        return (int) (block >>> 6) & PAGE_WORDS_MASK;
    }
}
