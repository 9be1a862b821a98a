package dev.rafter.blob;

import dev.rafter.oci.Digest;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The caches of all blobs on a node, below one directory: {@code blobs/<algorithm>/<hex>/}, see {@link BlobCache}.
 *
 * <p>A blob has one directory however many images have it, as long as they agree on its chunks. An image that does not agree with what is
 * there gets a directory of its own, {@code <hex>-<first 16 hex digits of the SHA-256 of its chunk map>}: it can waste space, but never
 * make another image read bytes that this one vouches for. One process at a time may use a store; who owns the root sees to that.
 *
 * <p>Threads: one platform thread brings data to disk in the background. Each blob has a lock, which is held while a cache of it is opened,
 * closed or deleted: other blobs, and readers of open caches, do not wait for that.
 */
public final class BlobStore implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(BlobStore.class);
    private static final Set<String> FILESYSTEMS = Set.of("ext4", "xfs", "btrfs");

    private final Options options;
    private final KeyedLocks<Digest> locks = new KeyedLocks<>();
    private final Map<Path, BlobCache> open = new ConcurrentHashMap<>();
    private final Set<BlobCache> unsynced = new LinkedHashSet<>();
    private final Thread syncer;
    /** The syncer is told by this, not by an interrupt, which would close the file that it is syncing. */
    private final CountDownLatch closing = new CountDownLatch(1);

    private volatile boolean closed;

    private BlobStore(Options options) {
        this.options = options;
        this.syncer = Thread.ofPlatform().daemon().name("rafter-syncer").unstarted(this::syncUntilClosed);
    }

    /**
     * How a store works.
     *
     * @param root directory of everything on the node; {@code blobs} is made below it
     * @param opener opens cache files
     * @param bootId of the running kernel; what was not synced is believed only within one
     * @param syncInterval how long, about, something ready may stay unsynced
     */
    public record Options(Path root, CacheFile.Opener opener, UUID bootId, Duration syncInterval) {
        /** The usual options: plain files, the kernel's boot id, 5 seconds. */
        public static Options of(Path root) {
            return new Options(root, FileChannelCacheFile::open, currentBootId(), Duration.ofSeconds(5));
        }

        public Options withOpener(CacheFile.Opener other) {
            return new Options(root, other, bootId, syncInterval);
        }

        public Options withBootId(UUID other) {
            return new Options(root, opener, other, syncInterval);
        }

        public Options withSyncInterval(Duration other) {
            return new Options(root, opener, bootId, other);
        }
    }

    /** The id of the running kernel's boot; one that never comes again if it cannot be read. */
    public static UUID currentBootId() {
        try {
            return UUID.fromString(
                    Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).strip());
        } catch (IOException | IllegalArgumentException e) {
            LOG.warn("cannot read the boot id, only synced chunks will survive a restart: {}", e.toString());
            return UUID.randomUUID();
        }
    }

    /**
     * @throws IOException if the directory cannot be made, or is on a filesystem that cannot be guarded
     */
    public static BlobStore open(Options options) throws IOException {
        Files.createDirectories(options.root().resolve("blobs"));
        requireUsable(options.root());
        BlobStore store = new BlobStore(options);
        store.syncer.start();
        return store;
    }

    /**
     * @throws IOException if a directory is on a filesystem where files cannot be guarded
     */
    public static void requireUsable(Path root) throws IOException {
        FileStore filesystem = Files.getFileStore(root);
        if (!FILESYSTEMS.contains(filesystem.type())) {
            throw new IOException("the cache directory " + root.toAbsolutePath() + " is on " + filesystem.type()
                    + "; it must be on ext4, xfs or btrfs, where the kernel can guard files that have holes:"
                    + " choose another root directory");
        }
    }

    CacheFile.Opener opener() {
        return options.opener();
    }

    /**
     * The cache of a blob for an image that knows these chunks of it; to be released.
     *
     * @throws dev.rafter.format.CorruptImageException if the chunk map cannot be that of a device
     * @throws IOException if files cannot be opened or made
     */
    public BlobCache acquire(Digest blob, ChunkMap chunks) throws IOException {
        if (closed) {
            throw new IOException("the blob store is closed");
        }
        try (var _ = locks.lock(blob)) {
            for (Path directory : candidates(blob, chunks)) {
                Optional<BlobCache> cache = acquire(blob, directory, chunks);
                if (cache.isPresent()) {
                    return cache.get();
                }
                LOG.warn("the chunks of {} differ from those in {}", blob, directory);
            }
        }
        throw new IOException("no cache directory fits the chunk map of blob " + blob);
    }

    /** Where a blob is cached, or would be: a folder of few files. */
    public Path directory(Digest blob) {
        return parent(blob).resolve(blob.hex());
    }

    private List<Path> candidates(Digest blob, ChunkMap chunks) {
        Path parent = parent(blob);
        String own = HexFormat.of().formatHex(ChunkMapFile.sha256(chunks), 0, 8);
        return List.of(directory(blob), parent.resolve(blob.hex() + "-" + own));
    }

    private Path parent(Digest blob) {
        return options.root().resolve("blobs").resolve(blob.algorithm());
    }

    private Optional<BlobCache> acquire(Digest blob, Path directory, ChunkMap chunks) throws IOException {
        BlobCache cache = open.get(directory);
        if (cache == null) {
            Optional<BlobCache> opened = BlobCache.open(this, blob, directory, chunks, options.bootId());
            opened.ifPresent(c -> open.put(directory, c));
            opened.ifPresent(c -> c.references++);
            return opened;
        }
        if (!cache.adopt(chunks)) {
            return Optional.empty();
        }
        cache.references++;
        return Optional.of(cache);
    }

    void release(BlobCache cache) throws IOException {
        try (var _ = locks.lock(cache.blob())) {
            if (cache.references < 1) {
                throw new IllegalStateException("released once too often: " + cache);
            }
            if (--cache.references == 0) {
                open.remove(cache.directory());
                forget(cache);
                cache.close();
            }
        }
    }

    /** Deletes what is cached of a blob, for all chunk maps, but for what is open; whether nothing is left. */
    public boolean delete(Digest blob) throws IOException {
        boolean gone = true;
        try (var _ = locks.lock(blob);
                DirectoryStream<Path> found = Files.newDirectoryStream(parent(blob), blob.hex() + "*")) {
            for (Path directory : found) {
                if (open.containsKey(directory)) {
                    gone = false;
                } else {
                    deleteTree(directory);
                }
            }
        } catch (NoSuchFileException _) {
            LOG.debug("nothing is cached of {}", blob);
        }
        return gone;
    }

    private static void deleteTree(Path directory) throws IOException {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
            for (Path file : files) {
                Files.delete(file);
            }
        }
        Files.delete(directory);
    }

    void syncLater(BlobCache cache) {
        synchronized (unsynced) {
            unsynced.add(cache);
        }
    }

    private void forget(BlobCache cache) {
        synchronized (unsynced) {
            unsynced.remove(cache);
        }
    }

    private List<BlobCache> takeUnsynced() {
        synchronized (unsynced) {
            List<BlobCache> taken = new ArrayList<>(unsynced);
            unsynced.clear();
            return taken;
        }
    }

    private void syncUntilClosed() {
        try {
            while (!closing.await(options.syncInterval().toNanos(), TimeUnit.NANOSECONDS)) {
                takeUnsynced().forEach(this::sync);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void sync(BlobCache cache) {
        try {
            cache.sync();
        } catch (IOException | RuntimeException e) {
            LOG.error("{}: {}", cache, e.getMessage(), e); // and goes on: all other caches depend on this thread
            syncLater(cache);
        }
    }

    /** Closes all caches, in use or not, after bringing them to disk. Nobody may take or release one any more. */
    @Override
    public void close() throws IOException {
        closed = true;
        closing.countDown();
        IOException failure = null;
        for (BlobCache cache : open.values()) {
            try {
                cache.close();
            } catch (IOException e) {
                failure = e;
            }
        }
        open.clear();
        if (failure != null) {
            throw failure;
        }
    }
}
