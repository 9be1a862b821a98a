package dev.rafter.snapshotter;

import static java.nio.file.LinkOption.NOFOLLOW_LINKS;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The files of snapshots: {@code snapshots/ID/fs} (a layer's files, or the writable side of a container) and {@code snapshots/ID/work}
 * (overlayfs's own, beside an active snapshot). Folders that nobody needs are deleted in the background. Thread safe.
 */
final class SnapshotFolders implements Closeable {
    private static final Logger LOG = LoggerFactory.getLogger(SnapshotFolders.class);

    private final Path folder;
    private final Steps steps;
    private final ThreadPoolExecutor deleter;

    /** Who owns the topmost folder of a file system. */
    record Owner(int uid, int gid) {
        static Owner of(Path path) throws IOException {
            return new Owner((Integer) Files.getAttribute(path, "unix:uid", NOFOLLOW_LINKS), (Integer)
                    Files.getAttribute(path, "unix:gid", NOFOLLOW_LINKS));
        }
    }

    SnapshotFolders(Path folder, Steps steps) throws IOException {
        this.folder = folder;
        this.steps = steps;
        Files.createDirectories(folder);
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
        deleter = new ThreadPoolExecutor(
                1,
                1,
                10,
                TimeUnit.SECONDS,
                new LinkedBlockingQueue<>(),
                Thread.ofPlatform().daemon().name("rafter-snapshot-deleter").factory());
        deleter.allowCoreThreadTimeOut(true);
    }

    Path fs(long id) {
        return folder.resolve(id + "/fs");
    }

    Path work(long id) {
        return folder.resolve(id + "/work");
    }

    /** Whether a path is below them. */
    boolean contain(Path path) {
        return path.startsWith(folder);
    }

    /** The ids of which there are folders. */
    Set<Long> ids() throws IOException {
        Set<Long> ids = new TreeSet<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder, "[0-9]*")) {
            for (Path entry : entries) {
                ids.add(Long.parseLong(entry.getFileName().toString()));
            }
        }
        return ids;
    }

    /** Makes the folders of a snapshot as overlayfs wants them. Its {@code fs} comes last, with its owner: where it is, all is there. */
    void create(long id, boolean writable, @Nullable Owner owner) throws IOException {
        makeFolder(folder.resolve(Long.toString(id)), "rwx------");
        if (writable) {
            makeFolder(work(id), "rwx--x--x");
        }
        Path fresh = folder.resolve(id + "/fs.new");
        makeFolder(fresh, "rwxr-xr-x");
        if (owner != null) {
            Files.setAttribute(fresh, "unix:uid", owner.uid(), NOFOLLOW_LINKS);
            Files.setAttribute(fresh, "unix:gid", owner.gid(), NOFOLLOW_LINKS);
        }
        steps.after("folder owned");
        Files.move(fresh, fs(id), StandardCopyOption.ATOMIC_MOVE);
        steps.after("folder in place");
    }

    private void makeFolder(Path path, String permissions) throws IOException {
        if (!Files.isDirectory(path, NOFOLLOW_LINKS)) {
            Files.createDirectory(path);
            steps.after("folder made");
        }
        // Not left to the umask.
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString(permissions));
    }

    /** Deletes a snapshot's folder some time soon. */
    void discard(long id) {
        deleter.execute(() -> {
            try {
                TreeDeletion.delete(folder.resolve(Long.toString(id)), steps);
                steps.after("folder deleted");
            } catch (IOException e) {
                LOG.warn("snapshot folder {} cannot be deleted and stays until the next start: {}", id, e.toString());
            }
        });
    }

    /** Waits until all that was discarded is deleted. */
    void drain() throws IOException {
        try {
            deleter.submit(() -> {}).get();
        } catch (ExecutionException e) {
            throw new IllegalStateException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while snapshots were being deleted", e);
        }
    }

    @Override
    public void close() {
        deleter.shutdown();
        try {
            if (!deleter.awaitTermination(10, TimeUnit.SECONDS)) {
                // The rest is found and deleted at the next start.
                deleter.shutdownNow();
            }
        } catch (InterruptedException _) {
            deleter.shutdownNow();
            Thread.currentThread().interrupt();
        }
    }
}
