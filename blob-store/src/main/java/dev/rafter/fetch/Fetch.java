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
    private static final long LONGEST_PAUSE_NANOS = 500_000_000;
    /** What part of a request's time may go by in pauses for demand: it must not fail for its politeness. */
    private static final int PAUSES_SHARE = 4;

    private final Fetching node;
    private final BlobCache cache;
    private final BlobSource source;
    private final ChunkMap map;
    private final int[] chunks;
    private final String host;
    private final RequestGate.Ticket ticket;
    private final Owner owner;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition progress = lock.newCondition();
    private final Map<Integer, IOException> failedChunks = new HashMap<>();
    private final Priority priority;
    private @Nullable IOException failure;
    private boolean done;
    /** Set as long as an interrupt can break it off without harm: later it would close the cache file under others. */
    private @Nullable Thread interruptible;

    /** Only for its own thread. */
    private long pauseNanosLeft;

    private volatile @Nullable ReadableByteChannel open;
    private volatile boolean cancelled;

    /** Who has started it, and is told of what comes of it before those who wait are: so that they find it known when they ask again. */
    interface Owner {
        /** A chunk came with wrong bytes. */
        void refused(Fetch fetch, int chunk, IOException why);

        /** It has ended, whatever came of it. */
        void ended(Fetch fetch);
    }

    /**
     * Plans a request.
     *
     * @param chunks numbers in the map, ascending, with their frames one behind the other in the blob
     */
    Fetch(
            Fetching node,
            BlobCache cache,
            BlobSource source,
            ChunkMap map,
            int[] chunks,
            Priority priority,
            Owner owner) {
        this.node = node;
        this.cache = cache;
        this.source = source;
        this.map = map;
        this.chunks = chunks;
        this.host = source.host();
        this.ticket = node.gate().ticket(host, priority);
        this.priority = priority;
        this.owner = owner;
        this.pauseNanosLeft = node.options().demandTimeout().toNanos() / PAUSES_SHARE;
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

    /** End of its last chunk in the device. */
    long deviceEnd() {
        int last = chunks[chunks.length - 1];
        return map.deviceOffset(last) + map.sizeBytes(last);
    }

    /** Somebody waits for what it brings. */
    void raise() {
        if (ticket.raise()) {
            node.receiving().reconsider();
        }
    }

    /** Breaks it off: whoever waits gets an error. */
    void cancel() {
        cancelled = true;
        lock.lock();
        try {
            if (interruptible != null) {
                interruptible.interrupt();
            }
        } finally {
            lock.unlock();
        }
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

    /** Why it broke off; null if it did not, or has not ended. */
    @Nullable
    IOException failure() {
        lock.lock();
        try {
            return failure;
        } finally {
            lock.unlock();
        }
    }

    boolean isCancelled() {
        return cancelled;
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
        try (ticket) {
            setInterruptible(Thread.currentThread());
            ticket.enter();
            node.stats().fetchStarted(priority);
            fetch();
        } catch (IOException e) {
            broken = e;
        } catch (InterruptedException e) {
            broken = brokenOff();
            broken.initCause(e);
        } catch (RuntimeException | Error e) {
            broken = new IOException("fetching from " + source.describe() + " failed: " + e, e);
            LOG.error("a fetch from {} failed unexpectedly", source.describe(), e);
        } finally {
            end(broken);
        }
    }

    private void setInterruptible(@Nullable Thread thread) throws IOException {
        lock.lock();
        try {
            interruptible = thread;
        } finally {
            lock.unlock();
        }
        boolean interrupted = Thread.interrupted();
        if (cancelled || interrupted) {
            throw brokenOff();
        }
    }

    private static IOException brokenOff() {
        return new IOException("the fetch was broken off");
    }

    private void end(@Nullable IOException broken) {
        if (broken != null && !cancelled) {
            node.stats().fetchFailed();
        }
        lock.lock();
        try {
            interruptible = null;
            failure = broken;
        } finally {
            lock.unlock();
        }
        try {
            owner.ended(this);
        } finally {
            finish();
        }
    }

    private void finish() {
        lock.lock();
        try {
            done = true;
            progress.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void pauseForDemand() throws InterruptedException {
        long start = System.nanoTime();
        ticket.pauseForDemand(Math.min(LONGEST_PAUSE_NANOS, pauseNanosLeft));
        pauseNanosLeft -= System.nanoTime() - start;
    }

    private void fetch() throws IOException, InterruptedException {
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
            setInterruptible(null);
            Reading reading = new Reading(range, start, asked);
            int next = 0;
            while (next < chunks.length) {
                next = fetchFrame(reading, next, decoder, hasher);
            }
            reading.sampleLink(length);
        }
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
        pauseForDemand();
        try (FrameBuffers.Lease lease = node.receiving().lease(ticket, Math.max(storedBytes, SKIP_BYTES))) {
            reading.skipTo(map.frameOffset(frame), lease);
            ByteBuffer stored = lease.bytes(storedBytes);
            reading.fully(stored);
            stored.flip();
            if (storedBytes == map.frameSizeBytes(frame) || map.codec() == Codec.NONE) {
                takeAll(index, end, frame, storedBytes == map.frameSizeBytes(frame) ? stored : null, hasher);
            } else {
                decode(index, end, frame, stored, decoder, hasher);
            }
        }
        return end;
    }

    /** Memory for what is decoded is had only now, when nothing is waited for any more but the disk. */
    private void decode(int from, int to, int frame, ByteBuffer stored, Decoder decoder, Hasher hasher)
            throws IOException, InterruptedException {
        int sizeBytes = map.frameSizeBytes(frame);
        try (FrameBuffers.Lease lease = node.decoding().lease(ticket, sizeBytes)) {
            ByteBuffer decoded = lease.bytes(sizeBytes);
            try {
                decoder.decode(stored, decoded);
                decoded.flip();
            } catch (CorruptFrameException e) {
                LOG.debug("frame {} of {}", frame, cache.blob(), e);
                decoded = null;
            }
            takeAll(from, to, frame, decoded, hasher);
        }
    }

    /** @param decoded the frame; null if it is broken */
    private void takeAll(int from, int to, int frame, @Nullable ByteBuffer decoded, Hasher hasher)
            throws CacheWriteException {
        for (int i = from; i < to; i++) {
            if (decoded == null) {
                fail(chunks[i], corruptFrame(chunks[i], frame));
            } else {
                take(chunks[i], decoded, hasher);
            }
        }
    }

    private IOException corruptFrame(int chunk, int frame) {
        return new CorruptImageException(
                "the frame of chunk " + chunk + " does not decode to the " + map.frameSizeBytes(frame)
                        + " bytes that it should have",
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
        owner.refused(this, chunk, why);
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
                fully(lease.bytes((int) Math.min(SKIP_BYTES, offset - at)));
            }
        }

        void fully(ByteBuffer target) throws IOException {
            while (target.hasRemaining()) {
                if (cancelled) {
                    throw brokenOff();
                }
                int n = range.read(target);
                if (n < 0) {
                    throw new IOException(source.describe() + " ended early, at byte " + at);
                }
                if (firstByteNanos == 0) {
                    firstByteNanos = System.nanoTime();
                }
                at += n;
                node.stats().fetched(n);
            }
        }

        void sampleLink(long length) {
            node.link(host).sample(firstByteNanos - askedNanos, length, System.nanoTime() - askedNanos);
        }
    }
}
