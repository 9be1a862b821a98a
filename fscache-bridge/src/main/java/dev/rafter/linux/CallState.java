package dev.rafter.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Where errno lands after a failed call. A thread that calls often owns one, so that its calls allocate nothing; not thread safe. */
public final class CallState {
    final MemorySegment segment;

    public CallState(Arena arena) {
        segment = arena.allocate(Syscall.CALL_STATE);
    }
}
