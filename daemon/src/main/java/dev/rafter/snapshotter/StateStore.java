package dev.rafter.snapshotter;

import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
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
    private final Path damagedCopy;
    private final Map<String, Snapshot> snapshots = new LinkedHashMap<>();
    private final Map<String, Integer> children = new HashMap<>();
    private long liveBytes;

    private StateStore(Journal journal, FileChannel lock, Path damagedCopy, Collection<Snapshot> found) {
        this.journal = journal;
        this.lock = lock;
        this.damagedCopy = damagedCopy;
        found.forEach(this::insert);
        liveBytes = journal.sizeBytes();
    }

    /**
     * Opens the state of a folder, or begins one. What is damaged in it is reported, kept aside and left out. On a full disk what is there
     * is used as it is.
     *
     * @throws IOException if the folder cannot be used, another process uses it, or its state is of another version of Rafter
     */
    static StateStore open(Path folder, Steps steps) throws IOException {
        FileChannel lock = lock(folder.resolve("state.lock"));
        try {
            Path file = folder.resolve("state.db");
            Map<String, Snapshot> found = new LinkedHashMap<>();
            JournalReader.Contents contents = JournalReader.read(file, line -> replay(file, line, found));
            return new StateStore(journal(file, contents, found.values(), steps), lock, damaged(file), found.values());
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

    private static Journal journal(Path file, JournalReader.Contents contents, Collection<Snapshot> found, Steps steps)
            throws IOException {
        if (contents.clean() && contents.lines() <= REWRITE_FACTOR * (found.size() + 8)) {
            return Journal.append(file, contents, steps);
        }
        try {
            if (contents.damaged() > 0) {
                keepDamaged(file, contents.damaged());
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

    /** By a second name of the same file, which takes no space. */
    private static void keepDamaged(Path file, int lines) throws IOException {
        Path copy = damaged(file);
        Files.deleteIfExists(copy);
        Files.createLink(copy, file);
        LOG.error(
                "{}: {} damaged lines are lost, and what they say of snapshots with them; {} has them, and while it is"
                        + " there no files of unknown snapshots are deleted",
                file,
                lines,
                copy);
    }

    private static Path damaged(Path file) {
        return file.resolveSibling(file.getFileName() + ".damaged");
    }

    /** Whether snapshots may exist that are not known because what was said of them is damaged. */
    boolean isDamaged() {
        return Files.exists(damagedCopy);
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
