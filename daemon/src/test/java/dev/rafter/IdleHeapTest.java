package dev.rafter;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

final class IdleHeapTest {
    private final AtomicLong work = new AtomicLong();
    private final AtomicLong bytes = new AtomicLong(16 << 20);
    private final AtomicInteger collections = new AtomicInteger();
    private final IdleHeap heap = new IdleHeap(work::get, bytes::get, () -> {
        collections.incrementAndGet();
        bytes.addAndGet(-IdleHeap.GROWN_BYTES / 2);
    });

    @Test
    void collectsOnceWhenIdleAfterTheHeapHasGrown() {
        bytes.addAndGet(IdleHeap.GROWN_BYTES);
        work.incrementAndGet();
        heap.look();
        assertEquals(0, collections.get(), "while there is work");
        heap.look();
        assertEquals(1, collections.get());
        heap.look();
        assertEquals(1, collections.get(), "once, though not all could be given back");
        bytes.addAndGet(IdleHeap.GROWN_BYTES);
        heap.look();
        assertEquals(2, collections.get());
    }

    @Test
    void leavesAHeapAloneThatHasNotGrown() {
        bytes.addAndGet(IdleHeap.GROWN_BYTES - 1);
        heap.look();
        assertEquals(0, collections.get());
    }
}
