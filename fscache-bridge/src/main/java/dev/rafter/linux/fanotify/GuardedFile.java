package dev.rafter.linux.fanotify;

import dev.rafter.linux.CallState;
import dev.rafter.linux.FanotifyGroup;
import dev.rafter.linux.Fd;
import dev.rafter.linux.KernelException;
import dev.rafter.linux.Syscall;
import dev.rafter.ondemand.OnDemandSource;
import dev.rafter.ondemand.Transport;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A guarded cache file: its group, and the answers to its events. The group stays open as long as an event waits for its answer, however
 * the guard ends: a number that was closed may be somebody else's by the time it is written to. The monitor guards that count; it is held
 * for no I/O.
 */
final class GuardedFile implements Transport.Guard {
    private static final Logger LOG = LoggerFactory.getLogger(GuardedFile.class);

    private final FanotifyTransport transport;
    private final int number;
    private final String name;
    private final Fd group;
    private final OnDemandSource source;
    private int unanswered;
    private boolean ending;

    GuardedFile(FanotifyTransport transport, int number, String name, Fd group, OnDemandSource source) {
        this.transport = transport;
        this.number = number;
        this.name = name;
        this.group = group;
        this.source = source;
    }

    int number() {
        return number;
    }

    /**
     * Reads and answers what is there. On the event thread: what is ready is answered here, without allocation; the rest goes to virtual
     * threads.
     */
    void drain(CallState state, MemorySegment events, MemorySegment response) {
        if (!enter()) {
            return;
        }
        long n = Syscall.read(state, group.number(), events);
        for (long at = 0; at < n; at += Math.max(EventLayout.METADATA_SIZE_BYTES, EventLayout.length(events, at))) {
            take(state, events, at, response);
        }
        leave();
    }

    private void take(CallState state, MemorySegment events, long at, MemorySegment response) {
        int fd = EventLayout.fd(events, at);
        if (fd < 0) {
            boolean overflow = (EventLayout.mask(events, at) & EventLayout.FAN_Q_OVERFLOW) != 0;
            LOG.error(
                    "{}: an event without a file{}",
                    source.describe(),
                    overflow ? ": the kernel's queue overflowed" : "");
            return;
        }
        long offset = EventLayout.hasRange(events, at) ? EventLayout.offset(events, at) : -1;
        long count = offset < 0 ? 0 : EventLayout.count(events, at);
        if (isReady(offset, count)) {
            answer(state, response, fd, EventLayout.ALLOW);
            transport.stats().immediate.increment();
        } else if (enter()) {
            Thread.ofVirtual().name("rafter-demand").start(() -> fill(fd, offset, count));
        }
    }

    private boolean isReady(long offset, long count) {
        try {
            return offset >= 0 && source.isReady(offset, count);
        } catch (RuntimeException e) {
            LOG.error("{}: asking for {} bytes at {} failed", source.describe(), count, offset, e);
            return false;
        }
    }

    private void fill(int fd, long offset, long count) {
        int verdict = EventLayout.DENY_WITH_EIO;
        try {
            if (offset < 0) {
                throw new IOException("the kernel named no range");
            }
            source.fill(offset, count);
            verdict = EventLayout.ALLOW;
            transport.stats().filled.increment();
        } catch (IOException e) {
            LOG.warn("{}: a reader of {} bytes at {} gets EIO: {}", source.describe(), count, offset, e.getMessage());
        } catch (RuntimeException | Error e) {
            LOG.error("{}: a reader of {} bytes at {} gets EIO", source.describe(), count, offset, e);
        } finally {
            try {
                answer(fd, verdict);
            } finally {
                leave();
            }
        }
    }

    private void answer(int fd, int verdict) {
        if (verdict != EventLayout.ALLOW) {
            transport.stats().denied.increment();
        }
        try (Arena arena = Arena.ofConfined()) {
            answer(new CallState(arena), arena.allocate(EventLayout.RESPONSE_SIZE_BYTES), fd, verdict);
        }
    }

    private void answer(CallState state, MemorySegment response, int fd, int verdict) {
        EventLayout.response(response, fd, verdict);
        long result = Syscall.write(state, group.number(), response);
        Syscall.close(state, fd);
        if (result < 0) {
            LOG.debug("{}: the reader of event {} is gone: errno {}", source.describe(), fd, -result);
        }
    }

    /** One event more to answer; false if the group is closed. */
    private synchronized boolean enter() {
        if (ending && unanswered == 0) {
            return false;
        }
        unanswered++;
        return true;
    }

    private synchronized void leave() {
        unanswered--;
        closeWhenAnswered();
    }

    private void closeWhenAnswered() {
        if (ending && unanswered == 0) {
            group.close();
        }
    }

    @Override
    public void release() {
        end();
    }

    @Override
    public void close() {
        end();
    }

    private void end() {
        synchronized (this) {
            if (ending) {
                return;
            }
            try {
                FanotifyGroup.unmark(group);
            } catch (KernelException e) {
                LOG.error("{}: its guard {} cannot be taken away", source.describe(), name, e);
            }
            ending = true;
            closeWhenAnswered();
        }
        transport.forget(number);
    }
}
