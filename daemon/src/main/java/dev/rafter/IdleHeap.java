package dev.rafter;

import java.util.function.LongSupplier;

/**
 * Gives memory back when the daemon is idle. A burst of work, as the rehearsal at the start or many reads, leaves a heap of garbage that
 * the collector, which runs only when it needs room, would keep for good. A full collection takes some ten milliseconds: it is made only
 * when nothing was asked for since the last look, and the heap has grown since the last one. To be called now and then by one thread.
 */
final class IdleHeap {
    static final long GROWN_BYTES = 8 << 20;

    private final LongSupplier work;
    private final LongSupplier committedBytes;
    private final Runnable collect;
    private long workBefore;
    private long bytesBefore;

    /** @param work a count that grows with each thing that is asked of the daemon */
    IdleHeap(LongSupplier work) {
        this(work, Runtime.getRuntime()::totalMemory, System::gc);
    }

    IdleHeap(LongSupplier work, LongSupplier committedBytes, Runnable collect) {
        this.work = work;
        this.committedBytes = committedBytes;
        this.collect = collect;
        workBefore = work.getAsLong();
        bytesBefore = committedBytes.getAsLong();
    }

    /** Collects if that is due. */
    void look() {
        long now = work.getAsLong();
        boolean idle = now == workBefore;
        workBefore = now;
        if (idle && committedBytes.getAsLong() >= bytesBefore + GROWN_BYTES) {
            collect.run();
            bytesBefore = committedBytes.getAsLong();
        }
    }
}
