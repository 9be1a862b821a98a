package dev.rafter.linux.fanotify;

import java.util.concurrent.atomic.LongAdder;

/** Counters of events since the transport was made. Thread safe. */
public final class EventStats {
    final LongAdder immediate = new LongAdder();
    final LongAdder filled = new LongAdder();
    final LongAdder denied = new LongAdder();

    EventStats() {}

    /** Events that were answered at once: everything was there. */
    public long immediate() {
        return immediate.sum();
    }

    /** Events whose range was filled first. */
    public long filled() {
        return filled.sum();
    }

    /** Events whose reader got an error. */
    public long denied() {
        return denied.sum();
    }
}
