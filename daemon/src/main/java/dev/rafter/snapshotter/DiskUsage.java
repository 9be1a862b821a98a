package dev.rafter.snapshotter;

import static java.nio.file.LinkOption.NOFOLLOW_LINKS;

import dev.rafter.linux.DiskSpace;
import dev.rafter.linux.Errno;
import dev.rafter.linux.Fd;
import dev.rafter.linux.KernelException;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Counts what a folder takes on disk, of any depth, in bounded memory. Files may come and go meanwhile, and folders become symbolic
 * links: each call is relative to an open folder, and follows none. What is mounted in it is not counted.
 *
 * <p>Folders are walked by recursion, each open as long as what is in it is walked. Those that are too deep for that are left for later:
 * each is then opened on the way from the last such folder above it, and a walk begins there.
 */
final class DiskUsage {
    private static final Logger LOG = LoggerFactory.getLogger(DiskUsage.class);
    private static final long BLOCK_BYTES = 4096;
    private static final long EXACT_FROM_BYTES = 64 << 10;
    private static final long DIRECTORY = 0040000;
    private static final long REGULAR = 0100000;
    private static final long TYPE_MASK = 0170000;
    private static final int FOLDER = Fd.O_RDONLY | Fd.O_DIRECTORY | Fd.O_NOFOLLOW;
    /** Each open folder takes three descriptors. */
    private static final int MAX_DEPTH = 24;

    /** With its way each may take 6 KiB. */
    private static final int MAX_DEEP = 5_000;

    /** Each takes some 64 bytes. */
    private static final int MAX_HARD_LINKS = 250_000;

    private final Set<Long> hardLinks = new HashSet<>();
    private final Deque<Deep> deep = new ArrayDeque<>();
    private final int maxEntries;
    private final int maxHardLinks;
    private long device;
    private int entries;
    private int uncounted;
    private double sizeBytes;
    private double inodes;

    /** A folder that is left for later. No record: comparing two would compare all that is above them. */
    private static final class Deep {
        /** The one where the walk began that found it; null: that was the topmost folder. */
        private final @Nullable Deep above;
        /** From there. */
        private final Path way;

        Deep(@Nullable Deep above, Path way) {
            this.above = above;
            this.way = way;
        }
    }

    private DiskUsage(int maxEntries, int maxHardLinks) {
        this.maxEntries = maxEntries;
        this.maxHardLinks = maxHardLinks;
    }

    /** Counts at most so many entries; empty if there are more. */
    static Optional<Usage> count(Path folder, int maxEntries) throws IOException {
        return count(folder, maxEntries, MAX_HARD_LINKS);
    }

    /** Remembers so many files that have several names; of others each name counts for its share. */
    static Optional<Usage> count(Path folder, int maxEntries, int maxHardLinks) throws IOException {
        DiskUsage usage = new DiskUsage(maxEntries, maxHardLinks);
        usage.countAll(folder);
        if (usage.uncounted > 0) {
            LOG.warn("{}: {} folders lie too deep to be counted", folder, usage.uncounted);
        }
        return usage.entries > maxEntries
                ? Optional.empty()
                : Optional.of(new Usage(Math.round(usage.sizeBytes), Math.round(usage.inodes)));
    }

    private void countAll(Path top) throws IOException {
        try {
            Map<String, Object> status = status(top);
            device = number(status, "dev");
            add(top, status);
        } catch (NoSuchFileException _) {
            return;
        }
        Optional<Fd> opened = open(top);
        if (opened.isPresent()) {
            try (Fd folder = opened.get()) {
                walk(null, folder, Path.of(""), 0);
                countDeep(folder);
            }
        }
    }

    private void countDeep(Fd top) throws IOException {
        Deep last = null;
        Fd here = top.duplicate();
        try {
            while (!deep.isEmpty() && entries <= maxEntries) {
                Deep next = deep.pop();
                Optional<Fd> found = next.above == last ? open(here, next.way) : open(top, next);
                if (found.isPresent()) {
                    here.close();
                    here = found.get();
                    last = next;
                    walk(next, here, Path.of(""), 0);
                }
            }
        } finally {
            here.close();
        }
    }

    private static Optional<Fd> open(Fd top, Deep wanted) throws IOException {
        Deque<Path> ways = new ArrayDeque<>();
        for (Deep at = wanted; at != null; at = at.above) {
            ways.push(at.way);
        }
        Fd here = top.duplicate();
        for (Path way : ways) {
            Optional<Fd> next;
            try (Fd _ = here) {
                next = open(here, way);
            }
            if (next.isEmpty()) {
                return next;
            }
            here = next.get();
        }
        return Optional.of(here);
    }

    /** One name after the other: a link is not followed in the middle of a way either. */
    private static Optional<Fd> open(Fd from, Path way) throws IOException {
        Fd here = from.duplicate();
        for (Path name : way) {
            Optional<Fd> next;
            try (Fd _ = here) {
                next = open(here.path().resolve(name));
            }
            if (next.isEmpty()) {
                return next;
            }
            here = next.get();
        }
        return Optional.of(here);
    }

    /** Empty if it is no folder any more. */
    private static Optional<Fd> open(Path folder) throws IOException {
        try {
            return Optional.of(Fd.open(folder, FOLDER));
        } catch (KernelException e) {
            if (e.errno() == Errno.ENOENT || e.errno() == Errno.ENOTDIR || e.errno() == Errno.ELOOP) {
                return Optional.empty();
            }
            throw e;
        }
    }

    /** @param way to the folder, from where the walk began: the topmost one, or one that was left for later */
    private void walk(@Nullable Deep from, Fd folder, Path way, int depth) throws IOException {
        try (DirectoryStream<Path> found = Files.newDirectoryStream(folder.path())) {
            for (Path entry : found) {
                visit(from, entry, way.resolve(entry.getFileName()), depth);
                if (entries > maxEntries) {
                    return;
                }
            }
        } catch (DirectoryIteratorException e) {
            throw e.getCause();
        }
    }

    private void visit(@Nullable Deep from, Path entry, Path way, int depth) throws IOException {
        try {
            Map<String, Object> status = status(entry);
            if (number(status, "dev") != device) {
                return;
            }
            add(entry, status);
            if (!isDirectory(status)) {
                return;
            }
        } catch (NoSuchFileException _) {
            // Gone since it was listed.
            return;
        }
        if (depth < MAX_DEPTH) {
            Optional<Fd> opened = open(entry);
            if (opened.isPresent()) {
                try (Fd folder = opened.get()) {
                    walk(from, folder, way, depth + 1);
                }
            }
        } else if (deep.size() < MAX_DEEP) {
            deep.push(new Deep(from, way));
        } else {
            uncounted++;
        }
    }

    private void add(Path entry, Map<String, Object> status) throws IOException {
        entries++;
        double share = isDirectory(status) ? 1 : share(number(status, "ino"), number(status, "nlink"));
        if (share > 0) {
            inodes += share;
            sizeBytes += share * allocatedBytes(entry, number(status, "mode") & TYPE_MASK, number(status, "size"));
        }
    }

    /** How much of a file counts for one of its names. */
    private double share(long inode, long names) {
        if (names <= 1) {
            return 1;
        }
        if (hardLinks.size() < maxHardLinks) {
            return hardLinks.add(inode) ? 1 : 0;
        }
        return hardLinks.contains(inode) ? 0 : 1.0 / names;
    }

    /** The kernel is asked where holes can make a difference worth a second call. */
    private static long allocatedBytes(Path entry, long type, long sizeBytes) throws IOException {
        if (type == REGULAR && sizeBytes > EXACT_FROM_BYTES) {
            return existingBytes(entry);
        }
        return type == REGULAR || type == DIRECTORY ? Math.ceilDiv(sizeBytes, BLOCK_BYTES) * BLOCK_BYTES : 0;
    }

    private static long existingBytes(Path entry) throws IOException {
        try {
            return DiskSpace.allocatedBytes(entry);
        } catch (KernelException e) {
            if (e.errno() == Errno.ENOENT) {
                return 0;
            }
            throw e;
        }
    }

    private static Map<String, Object> status(Path entry) throws IOException {
        return Files.readAttributes(entry, "unix:mode,size,nlink,ino,dev", NOFOLLOW_LINKS);
    }

    private static boolean isDirectory(Map<String, Object> status) {
        return (number(status, "mode") & TYPE_MASK) == DIRECTORY;
    }

    private static long number(Map<String, Object> status, String name) {
        return ((Number) Objects.requireNonNull(status.get(name))).longValue();
    }
}
