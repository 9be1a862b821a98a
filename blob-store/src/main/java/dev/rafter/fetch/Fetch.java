package dev.rafter.fetch;

import dev.rafter.blob.BlobCache;
import dev.rafter.blob.CacheWriteException;
import dev.rafter.blob.ChunkMap;
import dev.rafter.blob.DigestMismatchException;
import dev.rafter.codec.Codec;
import dev.rafter.codec.CorruptFrameException;
import dev.rafter.codec.Decoder;
import dev.rafter.digest.Hasher;
import dev.rafter.format.CorruptImageException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One ranged request for some chunks of a blob, in a virtual thread of its own: waits for its turn, reads frame by frame as they come,
 * decodes, verifies, writes, and after each chunk wakes those who wait for it. A chunk with wrong bytes fails alone; a request that breaks
 * off fails what it has not written.
 *
 * <p>The lock guards the outcome; it is held for no I/O.
 */
final class Fetch implements Runnable {
    private static final Logger LOG = LoggerFactory.getLogger(Fetch.class);
    private static final int SKIP_BYTES = 64 << 10;

    private final Fetching node;
    private final BlobCache cache;
    private final BlobSource source;
    private final LinkEstimate link;
    private final ChunkMap map;
    private final int[] chunks;
    private final Priority priority;
    private final Runnable ended;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition progress = lock.newCondition();
    private final Map<Integer, IOException> failedChunks = new HashMap<>();
    private @Nullable IOException failure;
    private boolean done;
    private volatile @Nullable ReadableByteChannel open;
    private volatile boolean cancelled;

    /**
     * Plans a request.
     *
     * @param chunks numbers in the map, ascending, with their frames one behind the other in the blob
     * @param ended is run when it has ended, whatever came of it
     */
    Fetch(
            Fetching node,
            BlobCache cache,
            BlobSource source,
            LinkEstimate link,
            ChunkMap map,
            int[] chunks,
            Priority priority,
            Runnable ended) {
        this.node = node;
        this.cache = cache;
        this.source = source;
        this.link = link;
        this.map = map;
        this.chunks = chunks;
        this.priority = priority;
        this.ended = ended;
    }

    ChunkMap map() {
        return map;
    }

    int[] chunks() {
        return chunks;
    }

    void start() {
        Thread.ofVirtual().name("rafter-fetch").start(this);
    }

    /** Breaks it off: whoever waits gets an error. Not by an interrupt, which would close the cache file under others. */
    void cancel() {
        cancelled = true;
        ReadableByteChannel range = open;
        if (range != null) {
            try {
                range.close();
            } catch (IOException e) {
                LOG.debug("closing a request to {}", source.describe(), e);
            }
        }
    }

    /**
     * Waits until a chunk is ready.
     *
     * @throws IOException why it will not be
     */
    void await(int chunk, long deadlineNanos, Duration timeout) throws IOException, InterruptedException {
        lock.lockInterruptibly();
        try {
            while (!cache.isChunkReady(map, chunk)) {
                IOException failed = failedChunks.getOrDefault(chunk, failure);
                if (failed != null) {
                    throw failed;
                }
                long left = deadlineNanos - System.nanoTime();
                if (left <= 0) {
                    throw new FetchTimeoutException(source.describe(), map.deviceOffset(chunk), timeout, null);
                }
                if (done) {
                    throw new IOException("chunk " + chunk + " of " + cache.blob() + " was not written");
                }
                progress.awaitNanos(left);
            }
        } finally {
            lock.unlock();
        }
    }

    /** Whether a chunk came with wrong bytes. */
    boolean hasFailed(int chunk) {
        lock.lock();
        try {
            return failedChunks.containsKey(chunk);
        } finally {
            lock.unlock();
        }
    }

    /** Waits until it has ended; says whether it has failed. */
    boolean awaitEnd() throws InterruptedException {
        lock.lockInterruptibly();
        try {
            while (!done) {
                progress.await();
            }
            return failure != null || !failedChunks.isEmpty();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void run() {
        IOException broken = null;
        try {
            node.gate().enter(priority);
            try {
                node.stats().fetchStarted(priority);
                fetch();
            } finally {
                node.gate().leave(priority);
            }
        } catch (IOException e) {
            broken = e;
        } catch (InterruptedException e) {
            broken = new InterruptedIOException("the fetch was broken off");
            broken.initCause(e);
        } catch (RuntimeException | Error e) {
            broken = new IOException("fetching from " + source.describe() + " failed: " + e, e);
            LOG.error("a fetch from {} failed unexpectedly", source.describe(), e);
        } finally {
            end(broken);
        }
    }

    private void end(@Nullable IOException broken) {
        if (broken != null && !cancelled) {
            node.stats().fetchFailed();
        }
        lock.lock();
        try {
            failure = broken;
            done = true;
            progress.signalAll();
        } finally {
            lock.unlock();
        }
        ended.run();
    }

    private void fetch() throws IOException, InterruptedException {
        if (cancelled) {
            throw new InterruptedIOException("the fetch was broken off");
        }
        int first = map.frameOf(chunks[0]);
        int last = map.frameOf(chunks[chunks.length - 1]);
        long start = map.frameOffset(first);
        long length = map.frameOffset(last) + map.frameStoredSizeBytes(last) - start;
        Hasher hasher = map.digestAlgorithm().newHasher();
        long asked = System.nanoTime();
        try (Decoder decoder = map.codec().newDecoder();
                ReadableByteChannel range =
                        source.open(start, length, node.options().demandTimeout())) {
            open = range;
            Reading reading = new Reading(range, start, asked);
            int next = 0;
            while (next < chunks.length) {
                next = fetchFrame(reading, next, decoder, hasher);
            }
            reading.sampleLink(length);
        }
        node.stats().fetched(length);
    }

    /** Takes in one frame, and those of the wanted chunks that it holds; gives the index of the first that it does not hold. */
    private int fetchFrame(Reading reading, int index, Decoder decoder, Hasher hasher)
            throws IOException, InterruptedException {
        int frame = map.frameOf(chunks[index]);
        int end = index + 1;
        while (end < chunks.length && map.frameOf(chunks[end]) == frame) {
            end++;
        }
        int storedBytes = map.frameStoredSizeBytes(frame);
        try (FrameBuffers.Lease lease =
                node.buffers().lease(Math.max(storedBytes, SKIP_BYTES), map.frameSizeBytes(frame))) {
            reading.skipTo(map.frameOffset(frame), lease);
            ByteBuffer stored = lease.stored(storedBytes);
            reading.fully(stored);
            ByteBuffer decoded = decode(frame, stored.flip(), lease, decoder);
            for (int i = index; i < end; i++) {
                if (decoded == null) {
                    fail(chunks[i], corruptFrame(frame));
                } else {
                    take(chunks[i], decoded, hasher);
                }
            }
        }
        return end;
    }

    /** The decoded frame; null, and the reason is kept, if it is broken. */
    private @Nullable ByteBuffer decode(int frame, ByteBuffer stored, FrameBuffers.Lease lease, Decoder decoder) {
        int sizeBytes = map.frameSizeBytes(frame);
        if (stored.remaining() == sizeBytes || map.codec() == Codec.NONE) {
            return stored.remaining() == sizeBytes ? stored : null;
        }
        ByteBuffer decoded = lease.decoded(sizeBytes);
        try {
            decoder.decode(stored, decoded);
            return decoded.flip();
        } catch (CorruptFrameException e) {
            LOG.debug("frame {} of {}", frame, cache.blob(), e);
            return null;
        }
    }

    private IOException corruptFrame(int frame) {
        return new CorruptImageException(
                "the frame does not decode to the " + map.frameSizeBytes(frame) + " bytes that it should have",
                "blob " + cache.blob() + " from " + source.describe(),
                map.frameOffset(frame));
    }

    private void take(int chunk, ByteBuffer decoded, Hasher hasher) throws CacheWriteException {
        ByteBuffer bytes = decoded.slice(map.offsetInFrame(chunk), map.sizeBytes(chunk));
        hasher.update(bytes.duplicate());
        byte[] actual = hasher.digest();
        if (!map.hasDigest(chunk, actual)) {
            fail(
                    chunk,
                    new DigestMismatchException(
                            cache.blob().toString(),
                            chunk,
                            map.deviceOffset(chunk),
                            map.digest(chunk),
                            actual,
                            source.describe()));
            return;
        }
        if (!cache.isChunkReady(map, chunk)) {
            cache.write(map, chunk, bytes);
            node.stats().decoded(map.sizeBytes(chunk));
        }
        wake();
    }

    private void fail(int chunk, IOException why) {
        node.stats().chunkCorrupt();
        LOG.warn("not cached: {}", why.getMessage());
        lock.lock();
        try {
            failedChunks.put(chunk, why);
            progress.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void wake() {
        lock.lock();
        try {
            progress.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** The bytes as they come, with a clock. */
    private final class Reading {
        private final ReadableByteChannel range;
        private final long askedNanos;
        private long at;
        private long firstByteNanos;

        Reading(ReadableByteChannel range, long start, long askedNanos) {
            this.range = range;
            this.at = start;
            this.askedNanos = askedNanos;
        }

        void skipTo(long offset, FrameBuffers.Lease lease) throws IOException {
            while (at < offset) {
                fully(lease.stored((int) Math.min(SKIP_BYTES, offset - at)));
            }
        }

        void fully(ByteBuffer target) throws IOException {
            while (target.hasRemaining()) {
                if (cancelled) {
                    throw new InterruptedIOException("the fetch was broken off");
                }
                int n = range.read(target);
                if (n < 0) {
                    throw new IOException(source.describe() + " ended early, at byte " + at);
                }
                if (firstByteNanos == 0) {
                    firstByteNanos = System.nanoTime();
                }
                at += n;
            }
        }

        void sampleLink(long length) {
            link.sample(firstByteNanos - askedNanos, length, System.nanoTime() - firstByteNanos);
        }
    }
}
