package dev.rafter.linux;

import static dev.rafter.linux.KernelException.check;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** epoll(7) for one waiting thread: descriptors with a number each; waiting allocates nothing. Adding is for any thread. */
public final class EventPoll implements AutoCloseable {
    private static final int EPOLL_CLOEXEC = 0x80000;
    private static final int EPOLL_CTL_ADD = 1;
    private static final int EPOLL_CTL_DEL = 2;
    private static final int EPOLLIN = 1;
    private static final int EFD_FLAGS = 0x80000 | 0x800;
    private static final int MOST_AT_ONCE = 64;
    /** The number of the descriptor that wakes the waiting thread. */
    private static final long WAKE = -1;

    private final Arena arena = Arena.ofShared();
    private final CallState state = new CallState(arena);
    private final MemorySegment ready = arena.allocate((long) MOST_AT_ONCE * Arch.EPOLL_EVENT_SIZE_BYTES, 8);
    private final Fd poll;
    private final Fd wake;

    public EventPoll() throws KernelException {
        poll = Fd.owned(check(Syscall.call(Arch.EPOLL_CREATE1, EPOLL_CLOEXEC), "epoll_create1", ""));
        wake = Fd.owned(check(Syscall.call(Arch.EVENTFD2, 0, EFD_FLAGS), "eventfd", ""));
        add(wake, WAKE);
    }

    /** Adds a descriptor: from now on {@link #await} gives its number while it can be read. */
    public void add(Fd fd, long number) throws KernelException {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment event = scratch.allocate(Arch.EPOLL_EVENT_SIZE_BYTES, 8);
            event.set(ValueLayout.JAVA_INT, 0, EPOLLIN);
            event.set(ValueLayout.JAVA_LONG_UNALIGNED, Arch.EPOLL_DATA_OFFSET, number);
            check(
                    Syscall.call(Arch.EPOLL_CTL, poll.number(), EPOLL_CTL_ADD, fd.number(), event.address()),
                    "epoll_ctl(ADD)",
                    fd);
        }
    }

    /** Takes a descriptor out. */
    public void remove(Fd fd) throws KernelException {
        check(Syscall.call(Arch.EPOLL_CTL, poll.number(), EPOLL_CTL_DEL, fd.number(), 0), "epoll_ctl(DEL)", fd);
    }

    /**
     * Waits until something can be read.
     *
     * @param numbers takes the numbers of what can be read
     * @return how many there are; 0 after {@link #wake}
     */
    public int await(long[] numbers) throws KernelException {
        return await(numbers, -1);
    }

    /**
     * As {@link #await(long[])}, for a limited time.
     *
     * @param timeoutMillis how long to wait; -1 for as long as it takes
     * @return 0 also when nothing could be read in time
     */
    public int await(long[] numbers, int timeoutMillis) throws KernelException {
        int most = Math.min(numbers.length, MOST_AT_ONCE);
        long n = Syscall.call(state, Arch.EPOLL_PWAIT, poll.number(), ready.address(), most, timeoutMillis, 0);
        if (n == -Errno.EINTR) {
            return 0;
        }
        int count = (int) check(n, "epoll_wait", poll);
        int given = 0;
        for (int i = 0; i < count; i++) {
            long number = ready.get(
                    ValueLayout.JAVA_LONG_UNALIGNED, (long) i * Arch.EPOLL_EVENT_SIZE_BYTES + Arch.EPOLL_DATA_OFFSET);
            if (number != WAKE) {
                numbers[given++] = number;
            }
        }
        return given;
    }

    /** Makes the waiting thread come back. */
    public void wake() throws KernelException {
        try (Arena scratch = Arena.ofConfined()) {
            wake.writeMessage(scratch.allocateFrom(ValueLayout.JAVA_LONG, 1L));
        }
    }

    /** To be closed by the waiting thread, when it waits no more. */
    @Override
    public void close() {
        poll.close();
        wake.close();
        arena.close();
    }
}
