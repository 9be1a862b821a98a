package dev.rafter.blob;

import dev.rafter.format.CorruptImageException;
import dev.rafter.oci.Digest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The cache of one blob: a sparse file of decoded bytes (byte offset = device offset), a map of what is ready in it, and a map of its
 * chunks. One object per directory, shared by all images that have the blob and counted by {@link BlobStore#acquire} and
 * {@link #release}. Thread safe.
 *
 * <pre>
 *   data     the device, rounded up to a multiple of 4096 bytes; only through {@link CacheFile}
 *   ready    {@link ReadyMapFormat}
 *   chunks   {@link ChunkMapFile}: the union of what all images that used this directory know
 * </pre>
 *
 * <p>The bytes of a chunk are written first, then it is ready for readers ({@link #isReady}), and after an fdatasync it is ready for the
 * next boot too. Until then it may be missing again: a disk that fails loses what was written and not synced. A chunk that is ready is
 * never written again with other bytes: its digest was checked before. Locks: {@code state} guards the chunk map and the count of missing
 * chunks and is held for no I/O but the replacing of {@code chunks}; {@code syncing} is held over an fdatasync and by nobody that a reader
 * waits for; {@code use} is shared by all who read and write, and taken alone to close the files under nobody.
 */
public final class BlobCache {
    /** Devices are multiples of this; and so is a block of today's image kinds. */
    public static final int BLOCK_SIZE_BYTES = 4096;

    private static final Logger LOG = LoggerFactory.getLogger(BlobCache.class);

    private final BlobStore store;
    private final Digest blob;
    private final Path directory;
    private final CacheFile data;
    private final ReadyMap ready;
    private final ReentrantLock state = new ReentrantLock();
    private final ReentrantLock syncing = new ReentrantLock();
    private final ReadWriteLock use = new ReentrantReadWriteLock();
    private volatile ChunkMap chunks;
    private volatile int missingChunks;
    /** Counts fdatasyncs that failed: a chunk that was written before one and marked after it must be written again. */
    private volatile int failedSyncs;

    /** Whether all that is ready is on disk. */
    private volatile boolean synced;

    private volatile Runnable onSafe = () -> {};
    private volatile boolean closed;
    /** Users; guarded by the store. */
    int references;

    private BlobCache(BlobStore store, Digest blob, Path directory, CacheFile data, ReadyMap ready, ChunkMap chunks) {
        this.store = store;
        this.blob = blob;
        this.directory = directory;
        this.data = data;
        this.ready = ready;
        this.chunks = chunks;
        this.missingChunks = countMissing(chunks);
        this.synced = !ready.isDirty();
    }

    /**
     * Opens a directory for an image that knows these chunks; empty if what is there is in conflict with them.
     */
    static Optional<BlobCache> open(BlobStore store, Digest blob, Path directory, ChunkMap wanted, UUID bootId)
            throws IOException {
        requireAligned(blob, wanted);
        ChunkMap stored = readChunks(directory.resolve("chunks"));
        Optional<ChunkMap> union = ChunkMapUnion.of(stored == null ? wanted : stored, wanted);
        if (union.isEmpty()) {
            return Optional.empty();
        }
        if (Files.notExists(directory)) {
            Files.createDirectories(directory);
            AtomicFiles.syncDirectory(directory.resolve(".."));
        }
        long sizeBytes = dataSizeBytes(wanted);
        Path file = directory.resolve("data");
        boolean usable = stored != null && Files.isRegularFile(file) && Files.size(file) == sizeBytes;
        if (!usable) {
            AtomicFiles.delete(directory.resolve("ready"));
            if (Files.isRegularFile(file) && Files.size(file) > sizeBytes) {
                AtomicFiles.delete(file);
            }
        }
        CacheFile data = store.opener().open(file);
        try {
            if (data.sizeBytes() < sizeBytes) {
                data.grow(sizeBytes);
                data.sync();
            }
            if (stored != union.get()) {
                ChunkMapFile.write(directory.resolve("chunks"), union.get());
            }
            ReadyMap ready = ReadyMap.open(directory.resolve("ready"), sizeBytes, BLOCK_SIZE_BYTES, bootId);
            BlobCache cache = new BlobCache(store, blob, directory, data, ready, union.get());
            if (!cache.synced) {
                store.syncLater(cache); // what the process before this one did not get to
            }
            return Optional.of(cache);
        } catch (IOException | RuntimeException e) {
            data.close();
            throw e;
        }
    }

    private static @Nullable ChunkMap readChunks(Path file) throws IOException {
        try {
            return ChunkMapFile.read(file);
        } catch (NoSuchFileException e) {
            return null;
        } catch (CorruptImageException e) {
            LOG.warn("{}; the cache of this blob starts empty", e.getMessage());
            return null;
        }
    }

    /** Chunks that shared a block could not be marked ready one by one. */
    private static void requireAligned(Digest blob, ChunkMap map) throws CorruptImageException {
        for (int chunk = 0; chunk < map.chunkCount(); chunk++) {
            if (map.deviceOffset(chunk) % BLOCK_SIZE_BYTES != 0) {
                throw new CorruptImageException(
                        "chunk " + chunk + " begins at device offset " + map.deviceOffset(chunk)
                                + ", not at a multiple of " + BLOCK_SIZE_BYTES,
                        blob.toString(),
                        CorruptImageException.NO_OFFSET);
            }
        }
    }

    private static long dataSizeBytes(ChunkMap map) {
        return Math.ceilDiv(map.deviceSizeBytes(), BLOCK_SIZE_BYTES) * BLOCK_SIZE_BYTES;
    }

    /** Takes in the chunks that another image knows; false, and nothing changes, if they are in conflict. */
    boolean adopt(ChunkMap more) throws IOException {
        requireAligned(blob, more);
        state.lock();
        try {
            Optional<ChunkMap> union = ChunkMapUnion.of(chunks, more);
            if (union.isPresent() && union.get() != chunks) {
                ChunkMapFile.write(directory.resolve("chunks"), union.get());
                chunks = union.get();
                missingChunks = countMissing(chunks);
            }
            return union.isPresent();
        } finally {
            state.unlock();
        }
    }

    private int countMissing(ChunkMap map) {
        int missing = 0;
        for (int chunk = 0; chunk < map.chunkCount(); chunk++) {
            missing += isChunkReady(map, chunk) ? 0 : 1;
        }
        return missing;
    }

    public Digest blob() {
        return blob;
    }

    public Path directory() {
        return directory;
    }

    /** The cache file. Its path: to be opened by nobody but a {@link CacheFile.Opener} and the kernel. */
    public Path dataFile() {
        return directory.resolve("data");
    }

    /** All chunks that any user of this cache knows. Another object after another image has come with more. */
    public ChunkMap chunks() {
        return chunks;
    }

    /** Size of the cache file. */
    public long sizeBytes() {
        return ready.deviceSizeBytes();
    }

    /**
     * Whether every block of the range is ready. For any thread, without lock and allocation. Blocks that no chunk covers never are, and
     * nor is a range that is not one of the cache file.
     */
    public boolean isReady(long offset, long lengthBytes) {
        return offset >= 0
                && lengthBytes > 0
                && lengthBytes <= ready.deviceSizeBytes() - offset
                && ready.isReady(offset, lengthBytes);
    }

    public boolean isChunkReady(ChunkMap map, int chunk) {
        return ready.isReady(map.deviceOffset(chunk), map.sizeBytes(chunk));
    }

    /** Whether every known chunk is ready. */
    public boolean isComplete() {
        return missingChunks == 0;
    }

    /** Whether every known chunk is ready and on disk: none of them can be missing again, whatever becomes of the disk. */
    public boolean isSafe() {
        return missingChunks == 0 && synced;
    }

    /** What to do, once or more often, when {@link #isSafe} has become true. No reader waits for it. */
    public void onSafe(Runnable action) {
        onSafe = action;
    }

    /** How many known chunks are not ready. */
    public int missingChunks() {
        return missingChunks;
    }

    /**
     * Writes a chunk and marks it ready.
     *
     * @param map a chunk map of this cache
     * @param bytes the chunk, verified; its position moves to its limit
     * @throws CacheWriteException if it cannot be written; it is not ready then
     */
    public void write(ChunkMap map, int chunk, ByteBuffer bytes) throws CacheWriteException {
        long offset = map.deviceOffset(chunk);
        int sizeBytes = map.sizeBytes(chunk);
        if (bytes.remaining() != sizeBytes) {
            throw new IllegalArgumentException(
                    "chunk=" + chunk + " remaining=" + bytes.remaining() + " sizeBytes=" + sizeBytes);
        }
        use.readLock().lock();
        try {
            requireOpen();
            ready.reserve(offset, sizeBytes);
            int before;
            do {
                before = failedSyncs;
                writeFully(bytes.duplicate(), offset);
                markReady(map, chunk);
            } while (before != failedSyncs);
        } catch (IOException e) {
            throw new CacheWriteException(dataFile(), offset, sizeBytes, e);
        } finally {
            use.readLock().unlock();
        }
        bytes.position(bytes.limit());
        store.syncLater(this);
    }

    private void requireOpen() throws IOException {
        if (closed) {
            throw new IOException("the cache of " + blob + " is closed");
        }
    }

    private void writeFully(ByteBuffer bytes, long offset) throws IOException {
        long end = offset + bytes.remaining();
        while (bytes.hasRemaining()) {
            if (data.write(bytes, end - bytes.remaining()) <= 0) {
                throw new IOException("nothing was written");
            }
        }
    }

    @SuppressWarnings("NonAtomicVolatileUpdate") // every update is under the lock; volatile is for readers
    private void markReady(ChunkMap map, int chunk) {
        state.lock();
        try {
            boolean wasReady = isChunkReady(map, chunk);
            ready.setReady(map.deviceOffset(chunk), map.sizeBytes(chunk));
            synced = false;
            missingChunks -= wasReady ? 0 : 1;
        } finally {
            state.unlock();
        }
    }

    /**
     * Reads from the cache file; the range must be ready.
     *
     * @throws IOException if it is not
     */
    public void read(ByteBuffer target, long offset) throws IOException {
        use.readLock().lock();
        try {
            requireOpen();
            if (target.hasRemaining() && !isReady(offset, target.remaining())) {
                throw new IOException(
                        "not ready: " + target.remaining() + " bytes at device offset " + offset + " of " + blob);
            }
            readFully(target, offset);
        } finally {
            use.readLock().unlock();
        }
    }

    private void readFully(ByteBuffer target, long offset) throws IOException {
        long end = offset + target.remaining();
        while (target.hasRemaining()) {
            if (data.read(target, end - target.remaining()) < 0) {
                throw new IOException(dataFile() + " is shorter than " + end + " bytes");
            }
        }
    }

    /** Makes what is ready now ready for the next boot too; nothing if it is closed. */
    public void sync() throws IOException {
        syncIfOpen();
        if (isSafe()) {
            onSafe.run();
        }
    }

    private void syncIfOpen() throws IOException {
        syncing.lock();
        try {
            if (closed) {
                return;
            }
            ReadyMap.Snapshot snapshot = ready.snapshotDirty();
            if (!snapshot.isEmpty()) {
                syncData(snapshot);
                ready.writeSynced(snapshot);
            }
            noteSynced();
        } finally {
            syncing.unlock();
        }
    }

    private void noteSynced() {
        state.lock();
        try {
            synced = !ready.isDirty();
        } finally {
            state.unlock();
        }
    }

    private void syncData(ReadyMap.Snapshot snapshot) throws IOException {
        try {
            data.sync();
        } catch (IOException e) {
            forgetUnsynced(snapshot);
            throw new IOException(
                    "cannot bring " + dataFile() + " to disk, what was not synced is fetched again: " + e.getMessage(),
                    e);
        }
    }

    @SuppressWarnings("NonAtomicVolatileUpdate") // every update is under the lock; volatile is for readers
    private void forgetUnsynced(ReadyMap.Snapshot snapshot) {
        state.lock();
        try {
            failedSyncs = failedSyncs + 1;
            ready.dropUnsynced(snapshot);
            ready.dropUnsynced(ready.snapshotDirty());
            missingChunks = countMissing(chunks);
        } finally {
            state.unlock();
        }
    }

    /** Ends one use; the last one brings everything to disk and closes the files. */
    public void release() throws IOException {
        store.release(this);
    }

    /** Waits for who reads, writes or syncs. Whatever fails, the files are closed. */
    void close() throws IOException {
        use.writeLock().lock();
        syncing.lock();
        try (data;
                ready) {
            syncIfOpen();
        } finally {
            closed = true;
            syncing.unlock();
            use.writeLock().unlock();
        }
    }

    @Override
    public String toString() {
        return directory.toString();
    }
}
