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
    private final Map<String, Snapshot> snapshots = new LinkedHashMap<>();
    private final Map<String, Integer> children = new HashMap<>();
    private long liveBytes;

    private StateStore(Journal journal, FileChannel lock, List<Snapshot> found) {
        this.journal = journal;
        this.lock = lock;
        found.forEach(this::insert);
        liveBytes = journal.sizeBytes();
    }

    /**
     * Opens the state of a folder, or begins one. What cannot be read in it is reported and left out.
     *
     * @throws IOException if the folder cannot be used, or another process uses it
     */
    static StateStore open(Path folder, Steps steps) throws IOException {
        FileChannel lock = lock(folder.resolve("state.lock"));
        try {
            Path file = folder.resolve("state.db");
            Journal.Contents contents = Journal.read(file);
            if (contents.damaged() > 0) {
                keepDamaged(file, contents.damaged());
            }
            List<Snapshot> found = replay(contents.lines());
            Journal journal = contents.clean() && contents.lines().size() <= REWRITE_FACTOR * (found.size() + 8)
                    ? Journal.append(file, contents, steps)
                    : Journal.create(file, lines(found), steps);
            return new StateStore(journal, lock, found);
        } catch (IOException | RuntimeException | Error e) {
            lock.close();
            throw e;
        }
    }

    private static void keepDamaged(Path file, int lines) throws IOException {
        Path copy = file.resolveSibling("state.db.damaged");
        Files.copy(file, copy, StandardCopyOption.REPLACE_EXISTING);
        LOG.error(
                "{}: {} damaged lines are lost, and what they say of snapshots with them; {} has them",
                file,
                lines,
                copy);
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

    private static List<Snapshot> replay(List<String> lines) throws IOException {
        Map<String, Snapshot> found = new LinkedHashMap<>();
        for (String line : lines) {
            StateLine change = StateLine.decode(line);
            change.dropped().forEach(found::remove);
            change.snapshots().forEach(snapshot -> found.put(snapshot.name(), snapshot));
        }
        return List.copyOf(found.values());
    }

    private static List<String> lines(List<Snapshot> snapshots) {
        return snapshots.stream()
                .map(snapshot -> StateLine.of(List.of(), List.of(snapshot)).encode())
                .toList();
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
