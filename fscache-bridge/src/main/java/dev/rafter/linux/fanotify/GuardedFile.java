package dev.rafter.linux.fanotify;

import dev.rafter.linux.CallState;
import dev.rafter.linux.Errno;
import dev.rafter.linux.EventLayout;
import dev.rafter.linux.EventSlots;
import dev.rafter.linux.FanotifyGroup;
import dev.rafter.linux.Fd;
import dev.rafter.linux.KernelException;
import dev.rafter.linux.Syscall;
import dev.rafter.ondemand.OnDemandSource;
import dev.rafter.ondemand.Transport;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A guarded cache file: its group, and the answers to its events. The group stays open as long as an event waits for its answer, however
 * the guard ends: a number that was closed may be somebody else's by the time it is written to. The monitor guards that count and whether
 * the group is read from; it is held for no I/O.
 *
 * <p>A guard that ended is served for a while longer. A reader who was on its way when the mark went still queues its event, and nobody
 * would answer it as long as somebody else has the group open: the kernel lets go of those who wait when the last one closes it.
 */
final class GuardedFile implements Transport.Guard {
    private static final Logger LOG = LoggerFactory.getLogger(GuardedFile.class);
    /** So that one busy file does not hold up the others' events. */
    private static final int MOST_EVENTS_AT_ONCE = 64;
    /** From the end of the mark to that of the group: thousands of times what a reader needs to queue its event. */
    private static final long LAST_EVENTS_MILLIS = 1_000;

    private final FanotifyTransport transport;
    private final int number;
    private final String name;
    private final Fd group;
    private final InflightEvents inflight;
    private final OnDemandSource source;
    private int unanswered;
    private boolean paused;
    private boolean ended;
    private boolean closing;

    GuardedFile(
            FanotifyTransport transport,
            int number,
            String name,
            Fd group,
            InflightEvents inflight,
            OnDemandSource source) {
        this.transport = transport;
        this.number = number;
        this.name = name;
        this.group = group;
        this.inflight = inflight;
        this.source = source;
    }

    int number() {
        return number;
    }

    Fd group() {
        return group;
    }

    /**
     * Reads and answers what is there. On the event thread: what is ready is answered here, without allocation; the rest goes to virtual
     * threads.
     */
    void drain(CallState state, MemorySegment response) {
        if (!enter()) {
            return;
        }
        try {
            for (int i = 0; i < MOST_EVENTS_AT_ONCE; i++) {
                int slot = inflight.free();
                if (slot < 0) {
                    pause();
                    return;
                }
                long at = (long) slot * EventSlots.SLOT_SIZE_BYTES;
                // A slot has room for one event: one for each read.
                long n = Syscall.read(state, group.number(), inflight.memory().asSlice(at, EventSlots.SLOT_SIZE_BYTES));
                if (n < EventLayout.METADATA_SIZE_BYTES) {
                    complain(n);
                    return;
                }
                take(state, slot, at, response);
            }
        } finally {
            leave();
        }
    }

    private void complain(long n) {
        if (n < 0 && n != -Errno.EAGAIN && n != -Errno.EINTR) {
            LOG.error("{}: events cannot be read: {}", source.describe(), Errno.describe((int) -n));
        }
    }

    private void take(CallState state, int slot, long at, MemorySegment response) {
        MemorySegment events = inflight.memory();
        int fd = EventLayout.fd(events, at);
        if (fd < 0) {
            boolean overflow = (EventLayout.mask(events, at) & EventLayout.FAN_Q_OVERFLOW) != 0;
            inflight.answered(slot);
            LOG.error(
                    "{}: an event without a file{}",
                    source.describe(),
                    overflow ? ": the kernel's queue overflowed" : "");
            return;
        }
        long offset = EventLayout.hasRange(events, at) ? EventLayout.offset(events, at) : -1;
        long count = offset < 0 ? 0 : EventLayout.count(events, at);
        if (isReady(offset, count)) {
            answer(state, response, slot, fd, EventLayout.ALLOW);
            Syscall.close(state, fd);
            transport.stats().immediate.increment();
        } else if (enter()) {
            onVirtualThread(slot, fd, () -> {
                try {
                    answer(slot, fd, fill(offset, count));
                } finally {
                    close(fd);
                    leave();
                }
            });
        }
    }

    /** Whatever happens, an event that was read is answered. */
    private void onVirtualThread(int slot, int fd, Runnable task) {
        try {
            Thread.ofVirtual().name("rafter-demand").start(task);
        } catch (RuntimeException | Error e) {
            LOG.error("{}: a reader gets EIO, since no thread can be had", source.describe(), e);
            answer(slot, fd, EventLayout.DENY_WITH_EIO);
            close(fd);
            leave();
        }
    }

    private boolean isReady(long offset, long count) {
        try {
            return offset >= 0 && source.isReady(offset, count);
        } catch (RuntimeException | Error e) {
            LOG.error("{}: asking for {} bytes at {} failed", source.describe(), count, offset, e);
            return false;
        }
    }

    private int fill(long offset, long count) {
        try {
            if (offset < 0) {
                throw new IOException("the kernel named no range");
            }
            source.fill(offset, count);
            transport.stats().filled.increment();
            return EventLayout.ALLOW;
        } catch (IOException e) {
            LOG.warn("{}: a reader of {} bytes at {} gets EIO: {}", source.describe(), count, offset, e.getMessage());
        } catch (RuntimeException | Error e) {
            LOG.error("{}: a reader of {} bytes at {} gets EIO", source.describe(), count, offset, e);
        }
        return EventLayout.DENY_WITH_EIO;
    }

    private void answer(int slot, int fd, int verdict) {
        if (verdict != EventLayout.ALLOW) {
            transport.stats().denied.increment();
        }
        try (Arena arena = Arena.ofConfined()) {
            answer(new CallState(arena), arena.allocate(EventLayout.RESPONSE_SIZE_BYTES), slot, fd, verdict);
        }
    }

    private void answer(CallState state, MemorySegment response, int slot, int fd, int verdict) {
        EventLayout.response(response, fd, verdict);
        long result = Syscall.write(state, group.number(), response);
        inflight.answered(slot);
        if (result < 0) {
            LOG.debug("{}: the reader of event {} is gone: errno {}", source.describe(), fd, -result);
        }
    }

    private static void close(int fd) {
        try (Arena arena = Arena.ofConfined()) {
            Syscall.close(new CallState(arena), fd);
        }
    }

    /**
     * Answers the events that the process before this one had read, by the numbers that they had in it, and then begins to read new ones,
     * which may get the same numbers. Returns at once.
     */
    void answerLeftAndStart() {
        List<Integer> left = inflight.unanswered();
        if (left.isEmpty()) {
            start();
            return;
        }
        LOG.info("{}: {} readers waited for the daemon to come back", source.describe(), left.size());
        AtomicInteger remaining = new AtomicInteger(left.size());
        for (int slot : left) {
            if (!enter()) {
                return;
            }
            Thread.ofVirtual().name("rafter-demand").start(() -> {
                try {
                    answerLeft(slot);
                } finally {
                    if (remaining.decrementAndGet() == 0) {
                        start();
                    }
                    leave();
                }
            });
        }
    }

    private void answerLeft(int slot) {
        long at = (long) slot * EventSlots.SLOT_SIZE_BYTES;
        MemorySegment events = inflight.memory();
        long offset = EventLayout.hasRange(events, at) ? EventLayout.offset(events, at) : -1;
        long count = offset < 0 ? 0 : EventLayout.count(events, at);
        int fd = EventLayout.fd(events, at);
        answer(slot, fd, fill(offset, count));
    }

    private void start() {
        try {
            transport.read(this);
        } catch (KernelException e) {
            LOG.error("{}: its events cannot be waited for", source.describe(), e);
        }
    }

    /** Leaves further events with the kernel until there is room for them. */
    private void pause() {
        try {
            transport.readNoMore(this);
        } catch (KernelException e) {
            LOG.error("{}: waiting for its events cannot be interrupted", source.describe(), e);
            return;
        }
        synchronized (this) {
            paused = true;
        }
        resume(); // an answer may have come before the pause could be seen
    }

    private void resume() {
        synchronized (this) {
            if (!paused || closing || inflight.unanswered().size() == EventSlots.SLOTS) {
                return;
            }
            paused = false;
        }
        start();
    }

    /** One event more to answer; false if the group is closed. */
    private synchronized boolean enter() {
        if (closing && unanswered == 0) {
            return false;
        }
        unanswered++;
        return true;
    }

    private void leave() {
        synchronized (this) {
            unanswered--;
            closeWhenAnswered();
            if (!paused) {
                return;
            }
        }
        resume();
    }

    private void closeWhenAnswered() {
        if (closing && unanswered == 0) {
            transport.forget(this);
            group.close();
            inflight.close();
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
            if (ended) {
                return;
            }
            ended = true;
            try {
                FanotifyGroup.unmark(group);
            } catch (KernelException e) {
                LOG.error("{}: its guard {} cannot be taken away", source.describe(), name, e);
            }
        }
        // From here on nobody needs the guard: the file is whole, or read by nobody.
        transport.keepNoMore(name);
        inflight.delete();
        CompletableFuture.delayedExecutor(LAST_EVENTS_MILLIS, TimeUnit.MILLISECONDS)
                .execute(this::closeGroup);
    }

    /** Closes this process's descriptor of the group as soon as no event waits for an answer; who else has one keeps the guard. */
    synchronized void closeGroup() {
        if (!closing) {
            closing = true;
            closeWhenAnswered();
        }
    }
}
