package dev.rafter.linux.fanotify;

import dev.rafter.linux.CallState;
import dev.rafter.linux.EventPoll;
import dev.rafter.linux.FanotifyGroup;
import dev.rafter.linux.Fd;
import dev.rafter.linux.KernelException;
import dev.rafter.ondemand.OnDemandSource;
import dev.rafter.ondemand.Transport;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Guards cache files by fanotify pre-content events. One platform thread waits for the events of all groups; it answers what is ready and
 * takes no lock that a fetch holds. The monitor guards the table of groups.
 */
public final class FanotifyTransport implements Transport {
    private static final Logger LOG = LoggerFactory.getLogger(FanotifyTransport.class);
    private static final Path MAX_GROUPS = Path.of("/proc/sys/fs/fanotify/max_user_groups");
    private static final int WANTED_GROUPS = 16_384;
    private static final int EVENTS_SIZE_BYTES = 16 << 10;

    private final EventStats stats = new EventStats();
    private final EventPoll poll;
    private final Thread thread;
    /** Index: the group's number. Replaced, never changed, so that the event thread reads it without a lock. */
    private volatile @Nullable GuardedFile[] files = new GuardedFile[16];

    private volatile boolean closed;

    public FanotifyTransport() throws KernelException {
        raiseGroupLimit();
        poll = new EventPoll();
        thread = Thread.ofPlatform().daemon().name("rafter-events").start(this::serve);
    }

    private static void raiseGroupLimit() {
        try {
            if (Integer.parseInt(Files.readString(MAX_GROUPS).strip()) < WANTED_GROUPS) {
                Files.writeString(MAX_GROUPS, String.valueOf(WANTED_GROUPS));
            }
        } catch (IOException | NumberFormatException e) {
            LOG.warn(
                    "fs.fanotify.max_user_groups stays as it is, which bounds how many blobs can be mounted: {}",
                    e.getMessage());
        }
    }

    public EventStats stats() {
        return stats;
    }

    @Override
    public Guard guard(String name, Path cacheFile, OnDemandSource source) throws IOException {
        Fd group = FanotifyGroup.init();
        GuardedFile file = null;
        try {
            file = register(name, group, source);
            poll.add(group, file.number());
            FanotifyGroup.mark(group, cacheFile);
            return file;
        } catch (KernelException e) {
            if (file != null) {
                forget(file.number());
            }
            group.close();
            throw e;
        }
    }

    private synchronized GuardedFile register(String name, Fd group, OnDemandSource source) {
        GuardedFile[] now = files;
        int number = 0;
        while (number < now.length && now[number] != null) {
            number++;
        }
        @Nullable GuardedFile[] next = Arrays.copyOf(now, number < now.length ? now.length : 2 * now.length);
        GuardedFile file = new GuardedFile(this, number, name, group, source);
        next[number] = file;
        files = next;
        return file;
    }

    synchronized void forget(int number) {
        @Nullable GuardedFile[] next = files.clone();
        next[number] = null;
        files = next;
    }

    private void serve() {
        try (poll;
                Arena arena = Arena.ofConfined()) {
            CallState state = new CallState(arena);
            MemorySegment events = arena.allocate(EVENTS_SIZE_BYTES, 8);
            MemorySegment response = arena.allocate(EventLayout.RESPONSE_SIZE_BYTES, 8);
            long[] ready = new long[64];
            while (!closed) {
                int count = poll.await(ready);
                for (int i = 0; i < count; i++) {
                    GuardedFile file = files[(int) ready[i]];
                    if (file != null) {
                        file.drain(state, events, response);
                    }
                }
            }
        } catch (KernelException | RuntimeException e) {
            LOG.error("the event thread ended: readers of guarded files wait from now on", e);
        }
    }

    /** Ends the event thread. Guards that are still there are for the kernel to close with the process. */
    @Override
    public void close() {
        closed = true;
        try {
            poll.wake();
            thread.join(5_000);
        } catch (KernelException e) {
            LOG.error("the event thread cannot be woken", e);
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }
}
