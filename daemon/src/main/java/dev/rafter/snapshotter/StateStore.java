package dev.rafter.snapshotter;

import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The snapshots that exist: in memory, behind a {@link Journal} that survives a crash at any moment. A change is on disk before anybody
 * can see it, but for what can be found out again. Reading is thread safe; changes come from one thread at a time, which the {@link Snapshotter} sees to.
 */
final class StateStore implements Closeable {
    private static final Logger LOG = LoggerFactory.getLogger(StateStore.class);
    /** The journal is rewritten when it is this large, and many times what is alive. */
    private static final long REWRITE_FROM_BYTES = 1 << 20;

    private static final int REWRITE_FACTOR = 8;

    private final Journal journal;
    private final FileChannel lock;
    private final boolean incomplete;
    private final Map<String, Snapshot> snapshots = new LinkedHashMap<>();
    private final Map<String, Integer> children = new HashMap<>();
    private long liveBytes;

    private StateStore(Journal journal, FileChannel lock, boolean incomplete, Collection<Snapshot> found) {
        this.journal = journal;
        this.lock = lock;
        this.incomplete = incomplete;
        found.forEach(this::insert);
        liveBytes = journal.sizeBytes();
    }

    /**
     * Opens the state of a folder, or begins one. What is damaged in it is reported, kept aside and left out. On a full disk what is there
     * is used as it is.
     *
     * @param used whether there are files of snapshots: then a state that is not there has been lost
     * @throws IOException if the folder cannot be used, another process uses it, or its state is of another version of Rafter
     */
    static StateStore open(Path folder, boolean used, Steps steps) throws IOException {
        FileChannel lock = lock(folder.resolve("state.lock"));
        try {
            Path file = folder.resolve("state.db");
            Map<String, Snapshot> found = new LinkedHashMap<>();
            JournalReader.Contents contents = JournalReader.read(file, line -> replay(file, line, found));
            boolean lost = contents.damaged() > 0 || (used && !contents.exists());
            Journal journal = journal(file, contents, lost, found.values(), steps);
            return new StateStore(journal, lock, lost || Files.exists(damaged(file)), found.values());
        } catch (IOException | RuntimeException | Error e) {
            lock.close();
            throw e;
        }
    }

    private static void replay(Path file, String line, Map<String, Snapshot> found) throws IOException {
        try {
            StateLine change = StateLine.decode(line);
            change.dropped().forEach(found::remove);
            change.snapshots().forEach(snapshot -> found.put(snapshot.name(), snapshot));
        } catch (IOException e) {
            throw new IOException(
                    file + " was written by a newer version of Rafter, which has to be used with it, or the file moved"
                            + " away with all snapshots: " + e.getMessage(),
                    e);
        }
    }

    private static Journal journal(
            Path file, JournalReader.Contents contents, boolean lost, Collection<Snapshot> found, Steps steps)
            throws IOException {
        if (contents.clean() && contents.lines() <= REWRITE_FACTOR * (found.size() + 8)) {
            return Journal.append(file, contents, steps);
        }
        try {
            if (lost) {
                keepAside(file, contents);
            }
            return Journal.create(file, lines(found), steps);
        } catch (IOException e) {
            if (contents.endBytes() == 0) {
                throw e;
            }
            LOG.warn("{} cannot be rewritten and is used as it is: {}", file, e.toString());
            return Journal.append(file, contents, steps);
        }
    }

    /** By a second name of the same file, which takes no space; an empty file says that there was none. */
    private static void keepAside(Path file, JournalReader.Contents contents) throws IOException {
        Path copy = damaged(file);
        if (contents.exists()) {
            Path fresh = copy.resolveSibling(copy.getFileName() + ".new");
            Files.deleteIfExists(fresh);
            Files.createLink(fresh, file);
            Files.move(fresh, copy, StandardCopyOption.ATOMIC_MOVE);
        } else if (Files.notExists(copy)) {
            Files.createFile(copy);
        }
        LOG.error(
                "{}: {}, and what was said of snapshots with it; while {} is there no files of unknown snapshots are deleted",
                file,
                contents.exists() ? contents.damaged() + " damaged lines are lost" : "it is gone",
                copy);
    }

    private static Path damaged(Path file) {
        return file.resolveSibling(file.getFileName() + ".damaged");
    }

    /** Whether there may be snapshots that are not known, because what was said of them is damaged or gone. */
    boolean isIncomplete() {
        return incomplete;
    }

    private static FileChannel lock(Path file) throws IOException {
        FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        try {
            FileLock held = channel.tryLock();
            if (held != null) {
                return channel;
            }
        } catch (OverlappingFileLockException _) {
            // Held within this process: as bad.
        }
        channel.close();
        throw new IOException(file.getParent() + " is in use by another daemon");
    }

    private static Iterable<String> lines(Collection<Snapshot> snapshots) {
        return () -> snapshots.stream()
                .map(snapshot -> StateLine.of(List.of(), List.of(snapshot)).encode())
                .iterator();
    }

    Optional<Snapshot> find(String name) {
        synchronized (snapshots) {
            return Optional.ofNullable(snapshots.get(name));
        }
    }

    /** All snapshots at one moment, the oldest first. */
    List<Snapshot> all() {
        synchronized (snapshots) {
            return List.copyOf(snapshots.values());
        }
    }

    boolean hasChildren(String name) {
        synchronized (snapshots) {
            return children.containsKey(name);
        }
    }

    /** A snapshot and all below it, the topmost first. Ends early at a parent that is not there. */
    List<Snapshot> chain(Snapshot top) {
        synchronized (snapshots) {
            List<Snapshot> chain = new ArrayList<>();
            for (Snapshot s = top; s != null; s = s.parent().isEmpty() ? null : snapshots.get(s.parent())) {
                chain.add(s);
            }
            return chain;
        }
    }

    /** Stores a new or changed snapshot. */
    void put(Snapshot snapshot) throws IOException {
        change(List.of(), List.of(snapshot), false);
    }

    /** Stores a snapshot in the place of one with another name. */
    void rename(String from, Snapshot snapshot) throws IOException {
        change(List.of(from), List.of(snapshot), false);
    }

    void remove(String name) throws IOException {
        change(List.of(name), List.of(), true);
    }

    /** Stores a changed snapshot, without waiting for the disk: for what can be found out again. */
    void note(Snapshot snapshot) throws IOException {
        journal.note(StateLine.of(List.of(), List.of(snapshot)).encode());
        apply(List.of(), List.of(snapshot));
    }

    /** Takes a snapshot for there without writing it down: for what the next start finds out again. */
    void assume(Snapshot snapshot) {
        synchronized (snapshots) {
            insert(snapshot);
        }
    }

    private void change(List<String> drop, List<Snapshot> put, boolean frees) throws IOException {
        journal.add(StateLine.of(drop, put).encode(), frees);
        apply(drop, put);
    }

    private void apply(List<String> drop, List<Snapshot> put) {
        synchronized (snapshots) {
            drop.forEach(this::delete);
            put.forEach(this::insert);
        }
        if (journal.sizeBytes() > Math.max(REWRITE_FROM_BYTES, REWRITE_FACTOR * liveBytes)) {
            compact();
        }
    }

    private void compact() {
        try {
            journal.rewrite(lines(all()));
            liveBytes = journal.sizeBytes();
        } catch (IOException e) {
            LOG.warn("the state journal stays long for now: {}", e.getMessage());
            liveBytes = 2 * journal.sizeBytes();
        }
    }

    private void insert(Snapshot snapshot) {
        delete(snapshot.name());
        snapshots.put(snapshot.name(), snapshot);
        if (!snapshot.parent().isEmpty()) {
            children.merge(snapshot.parent(), 1, Integer::sum);
        }
    }

    private void delete(String name) {
        Snapshot gone = snapshots.remove(name);
        if (gone != null && !gone.parent().isEmpty()) {
            children.computeIfPresent(gone.parent(), (parent, count) -> count == 1 ? null : count - 1);
        }
    }

    @Override
    public void close() throws IOException {
        try (lock) {
            journal.close();
        }
    }
}
