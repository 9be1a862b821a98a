package dev.rafter.snapshotter;

import static java.nio.file.LinkOption.NOFOLLOW_LINKS;

import dev.rafter.linux.DiskSpace;
import dev.rafter.linux.Errno;
import dev.rafter.linux.KernelException;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/** Counts what a folder takes on disk. Files may come and go meanwhile. */
final class DiskUsage {
    private static final long BLOCK_BYTES = 4096;
    private static final long EXACT_FROM_BYTES = 64 << 10;
    private static final long DIRECTORY = 0040000;
    private static final long REGULAR = 0100000;
    private static final long TYPE_MASK = 0170000;

    private final Set<Long> hardLinks = new HashSet<>();
    private final Deque<Path> folders = new ArrayDeque<>();
    private final int maxEntries;
    private int entries;
    private long sizeBytes;
    private long inodes;

    private DiskUsage(int maxEntries) {
        this.maxEntries = maxEntries;
    }

    /** Counts at most so many entries; empty if there are more. */
    static Optional<Usage> count(Path folder, int maxEntries) throws IOException {
        DiskUsage usage = new DiskUsage(maxEntries);
        usage.add(folder);
        while (!usage.folders.isEmpty() && usage.entries <= maxEntries) {
            usage.addAll(usage.folders.pop());
        }
        return usage.entries > maxEntries ? Optional.empty() : Optional.of(new Usage(usage.sizeBytes, usage.inodes));
    }

    private void addAll(Path folder) throws IOException {
        try (DirectoryStream<Path> found = Files.newDirectoryStream(folder)) {
            for (Path entry : found) {
                add(entry);
                if (entries > maxEntries) {
                    return;
                }
            }
        } catch (NoSuchFileException | NotDirectoryException _) {
            // Gone since it was listed.
        } catch (DirectoryIteratorException e) {
            throw e.getCause();
        }
    }

    private void add(Path entry) throws IOException {
        try {
            Map<String, Object> status = Files.readAttributes(entry, "unix:mode,size,nlink,ino", NOFOLLOW_LINKS);
            entries++;
            boolean folder = (number(status, "mode") & TYPE_MASK) == DIRECTORY;
            if (folder) {
                folders.push(entry);
            }
            if (folder || number(status, "nlink") == 1 || hardLinks.add(number(status, "ino"))) {
                inodes++;
                sizeBytes += allocatedBytes(entry, number(status, "mode") & TYPE_MASK, number(status, "size"));
            }
        } catch (NoSuchFileException _) {
            // Gone since it was listed.
        } catch (KernelException e) {
            if (e.errno() != Errno.ENOENT) {
                throw e;
            }
        }
    }

    /** The kernel is asked where holes can make a difference worth a second call. */
    private static long allocatedBytes(Path entry, long type, long sizeBytes) throws IOException {
        if (type == REGULAR && sizeBytes > EXACT_FROM_BYTES) {
            return DiskSpace.allocatedBytes(entry);
        }
        return type == REGULAR || type == DIRECTORY ? Math.ceilDiv(sizeBytes, BLOCK_BYTES) * BLOCK_BYTES : 0;
    }

    private static long number(Map<String, Object> status, String name) {
        return ((Number) Objects.requireNonNull(status.get(name))).longValue();
    }
}
