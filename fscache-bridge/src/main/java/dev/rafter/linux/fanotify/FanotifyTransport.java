package dev.rafter.linux.fanotify;

import dev.rafter.fdstore.FdStore;
import dev.rafter.linux.CallState;
import dev.rafter.linux.EventLayout;
import dev.rafter.linux.EventPoll;
import dev.rafter.linux.EventSlots;
import dev.rafter.linux.FanotifyGroup;
import dev.rafter.linux.Fd;
import dev.rafter.linux.KernelException;
import dev.rafter.ondemand.OnDemandSource;
import dev.rafter.ondemand.Transport;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Collectors;
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

    private final EventStats stats = new EventStats();
    private final FdStore store;
    private final Path inflight;
    private final Runnable onFailure;
    private final EventPoll poll;
    private final Thread thread;
    /** Index: the group's number. Replaced, never changed, so that the event thread reads it without a lock. */
    private volatile @Nullable GuardedFile[] files = new GuardedFile[16];

    private final ReentrantLock guarding = new ReentrantLock();
    /** Guards that have not ended. Guarded by {@code guarding}. */
    private int guards;

    private volatile boolean closed;

    /** A transport whose guards end with this process. */
    public FanotifyTransport(Path inflight) throws IOException {
        this(inflight, FdStore.none(), () -> {});
    }

    /**
     * @param inflight folder of the events that wait for answers; on tmpfs, best
     * @param store keeps the groups, and may have those of the process before this one
     * @param onFailure is run when no more events can be taken: all readers wait from then on, until another process takes over
     */
    public FanotifyTransport(Path inflight, FdStore store, Runnable onFailure) throws IOException {
        this.inflight = Files.createDirectories(inflight);
        this.store = store;
        this.onFailure = onFailure;
        store.take(FdStore.INFLIGHT).ifPresent(Fd::close);
        deleteStale();
        raiseGroupLimit();
        poll = new EventPoll();
        thread = Thread.ofPlatform().daemon().name("rafter-events").start(this::serve);
    }

    /** Files of groups that ended with their process, or never came to be. */
    private void deleteStale() throws IOException {
        Set<String> known = left();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(inflight)) {
            for (Path file : files) {
                if (!known.contains(String.valueOf(file.getFileName()))) {
                    Files.delete(file);
                }
            }
        }
    }

    private static void raiseGroupLimit() {
        try {
            // In one read, which readString does not do: later ones get nothing of such a file.
            if (Integer.parseInt(Files.readAllLines(MAX_GROUPS).getFirst().strip()) < WANTED_GROUPS) {
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
        begin();
        Fd group = null;
        GuardedFile file = null;
        try {
            group = FanotifyGroup.init();
            file = register(name, group, InflightEvents.create(inflight.resolve(name)), source);
            store.keep(FdStore.GROUP + name, group);
            read(file);
            FanotifyGroup.mark(group, cacheFile);
            return file;
        } catch (IOException | RuntimeException e) {
            if (file != null) {
                file.close();
            } else {
                if (group != null) {
                    group.close();
                }
                end();
            }
            throw e;
        }
    }

    /** One guard more. As long as there is one the store has the folder, too: so it knows who waits. */
    private void begin() throws IOException {
        guarding.lock();
        try {
            if (guards == 0 && !store.keeps(FdStore.INFLIGHT)) {
                try (Fd folder = Fd.open(inflight, Fd.O_RDONLY | Fd.O_DIRECTORY)) {
                    store.keep(FdStore.INFLIGHT, folder);
                }
            }
            guards++;
        } finally {
            guarding.unlock();
        }
    }

    private void end() {
        guarding.lock();
        try {
            guards--;
            if (guards == 0 && left().isEmpty()) {
                store.forget(FdStore.INFLIGHT);
            }
        } finally {
            guarding.unlock();
        }
    }

    @Override
    public Optional<Guard> adopt(String name, OnDemandSource source) throws IOException {
        if (!left().contains(name)) {
            return Optional.empty();
        }
        begin();
        try {
            return adoptLeft(name, source);
        } catch (IOException | RuntimeException e) {
            end();
            throw e;
        }
    }

    private Optional<Guard> adoptLeft(String name, OnDemandSource source) throws IOException {
        Path file = inflight.resolve(name);
        boolean known = EventSlots.exists(file);
        // First, since a group that was taken and not registered would be forgotten, and its readers with it.
        InflightEvents events = known ? InflightEvents.reopen(file) : InflightEvents.create(file);
        Optional<Fd> group = store.take(FdStore.GROUP + name);
        if (group.isEmpty()) {
            events.close();
            end();
            return Optional.empty();
        }
        GuardedFile guarded = register(name, group.get(), events, source);
        if (!known) {
            LOG.warn("{}: who waits for it is not known; they get EIO", source.describe());
            FanotifyGroup.denyWaiting(group.get());
        }
        guarded.answerLeftAndStart();
        return Optional.of(guarded);
    }

    @Override
    public Set<String> left() {
        return store.left().stream()
                .filter(name -> name.startsWith(FdStore.GROUP))
                .map(name -> name.substring(FdStore.GROUP.length()))
                .collect(Collectors.toSet());
    }

    @Override
    public void settle() throws IOException {
        store.settle();
    }

    void keepNoMore(String name) {
        store.forget(FdStore.GROUP + name);
        end();
    }

    /** Has the event thread read the events of a file from now on. */
    void read(GuardedFile file) throws KernelException {
        poll.add(file.group(), file.number());
    }

    void readNoMore(GuardedFile file) throws KernelException {
        poll.remove(file.group());
    }

    private synchronized GuardedFile register(
            String name, Fd group, InflightEvents inflightEvents, OnDemandSource source) {
        GuardedFile[] now = files;
        int number = 0;
        while (number < now.length && now[number] != null) {
            number++;
        }
        @Nullable GuardedFile[] next = Arrays.copyOf(now, number < now.length ? now.length : 2 * now.length);
        GuardedFile file = new GuardedFile(this, number, name, group, inflightEvents, source);
        next[number] = file;
        files = next;
        return file;
    }

    /**
     * Ends the waiting for a file's events, before its group is closed: what the kernel holds open for somebody else it would go on
     * reporting.
     */
    synchronized void forget(GuardedFile file) {
        try {
            poll.remove(file.group());
        } catch (KernelException | IllegalStateException e) {
            LOG.debug(
                    "guard {} was not waited for",
                    file.number(),
                    e); // its slots were full, or the event thread is gone
        }
        @Nullable GuardedFile[] next = files.clone();
        next[file.number()] = null;
        files = next;
    }

    private void serve() {
        try (poll;
                Arena arena = Arena.ofConfined()) {
            CallState state = new CallState(arena);
            MemorySegment response = arena.allocate(EventLayout.RESPONSE_SIZE_BYTES, 8);
            long[] ready = new long[64];
            while (!closed) {
                int count = poll.await(ready);
                for (int i = 0; i < count; i++) {
                    drain((int) ready[i], state, response);
                }
            }
        } catch (KernelException | RuntimeException | Error e) {
            LOG.error("the event thread ended: readers of guarded files wait from now on", e);
            onFailure.run();
        }
    }

    private void drain(int number, CallState state, MemorySegment response) {
        GuardedFile file = files[number];
        if (file == null) {
            return;
        }
        try {
            file.drain(state, response);
        } catch (RuntimeException | Error e) {
            // One file's failure stays with it: the readers of all others depend on this thread.
            LOG.error("an event could not be taken", e);
        }
    }

    /**
     * Ends the event thread, and closes the groups in which nobody waits for an answer. Guards that are still there go on if somebody
     * else keeps their groups.
     */
    @Override
    public void close() {
        closed = true;
        try {
            if (thread.isAlive()) {
                poll.wake();
                thread.join(5_000);
            }
            for (GuardedFile file : files) {
                if (file != null) {
                    file.closeGroup();
                }
            }
        } catch (KernelException e) {
            LOG.error("the event thread cannot be woken", e);
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }
}
