package dev.rafter.fetch;

import dev.rafter.blob.BlobCache;
import dev.rafter.blob.CacheWriteException;
import dev.rafter.blob.ChunkMap;
import dev.rafter.blob.DigestMismatchException;
import dev.rafter.format.CorruptImageException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Fills the cache of one blob. Each chunk is fetched once, however many readers wait for it; missing neighbours are fetched in one request;
 * what comes with wrong bytes is asked for once more and then refused. While the source cannot be reached, a demand tries again until its
 * deadline. Thread safe.
 *
 * <p>The lock guards what is in flight, the planner and the marks; it is held for no I/O and no waiting.
 */
public final class BlobFetcher implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(BlobFetcher.class);
    /** Stored bytes that nobody wants but that are cheaper to fetch than another request is. */
    private static final int LARGEST_GAP_BYTES = 32 << 10;
    /** How often wrong bytes are asked for before the reader gets an error. */
    private static final int CORRUPT_ATTEMPTS = 2;

    private static final long FIRST_PAUSE_MILLIS = 100;
    private static final long LONGEST_PAUSE_MILLIS = 1_000;
    private static final int FILL_STORED_BYTES = 4 << 20;
    private static final int BLOCK_BITS = Integer.numberOfTrailingZeros(BlobCache.BLOCK_SIZE_BYTES);

    private final Fetching node;
    private final BlobCache cache;
    private final BlobSource source;
    private final LinkEstimate link = new LinkEstimate();
    private final FetchPlanner planner = new WindowPlanner(link);
    private final Marks marks;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition idle = lock.newCondition();
    /** By device offset of the chunk: numbers change when another image brings more chunks. */
    private final Map<Long, Fetch> inFlight = new HashMap<>();

    private final Set<Fetch> running = new HashSet<>();
    private @Nullable Thread filler;
    private volatile Runnable onComplete = () -> {};
    private boolean closed;

    BlobFetcher(Fetching node, BlobCache cache, BlobSource source) {
        this.node = node;
        this.cache = cache;
        this.source = source;
        marks = new Marks(cache.sizeBytes(), BLOCK_BITS);
    }

    /** What to do, once or more often, when every known chunk is ready. */
    public void onComplete(Runnable action) {
        onComplete = action;
    }

    /**
     * Whether a range is ready and needs no thought: for the event thread, without lock and allocation. If not, {@link #demand} it.
     */
    public boolean isReady(long offset, long lengthBytes) {
        return cache.isReady(offset, lengthBytes) && marks.first(offset, lengthBytes) < 0;
    }

    /**
     * Waits until every chunk in the range is ready.
     *
     * @throws IOException if that cannot be by the demand's deadline, with the reason
     */
    public void demand(long offset, long lengthBytes) throws IOException {
        long start = System.nanoTime();
        boolean failed = true;
        try {
            fill(offset, lengthBytes, start + node.options().demandTimeout().toNanos());
            failed = false;
        } finally {
            node.stats().demandWaited(System.nanoTime() - start, failed);
        }
    }

    private record Wait(Fetch fetch, int chunk) {}

    private void fill(long offset, long lengthBytes, long deadlineNanos) throws IOException {
        int corrupt = 0;
        long pauseMillis = FIRST_PAUSE_MILLIS;
        IOException last = null;
        while (true) {
            List<Wait> waits = begin(offset, lengthBytes, corrupt > 0);
            try {
                await(waits, deadlineNanos);
                return;
            } catch (DigestMismatchException | CorruptImageException e) {
                if (++corrupt == CORRUPT_ATTEMPTS) {
                    throw e;
                }
            } catch (CacheWriteException e) {
                throw e;
            } catch (FetchTimeoutException e) {
                throw last == null ? e : timeout(offset, last);
            } catch (IOException e) {
                last = e;
                pause(offset, pauseMillis, deadlineNanos, e);
                pauseMillis = Math.min(2 * pauseMillis, LONGEST_PAUSE_MILLIS);
            }
        }
    }

    private void await(List<Wait> waits, long deadlineNanos) throws IOException {
        try {
            for (Wait wait : waits) {
                wait.fetch().await(wait.chunk(), deadlineNanos, node.options().demandTimeout());
            }
        } catch (InterruptedException e) {
            throw interrupted(e);
        }
    }

    private void pause(long offset, long millis, long deadlineNanos, IOException cause) throws IOException {
        if (isClosed() || deadlineNanos - System.nanoTime() <= TimeUnit.MILLISECONDS.toNanos(millis)) {
            throw isClosed() ? cause : timeout(offset, cause);
        }
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            throw interrupted(e);
        }
    }

    private IOException timeout(long offset, IOException cause) {
        return new FetchTimeoutException(
                source.describe(), offset, node.options().demandTimeout(), cause);
    }

    private static IOException interrupted(InterruptedException e) {
        Thread.currentThread().interrupt();
        InterruptedIOException interrupted = new InterruptedIOException("interrupted while waiting for a fetch");
        interrupted.initCause(e);
        return interrupted;
    }

    private boolean isClosed() {
        lock.lock();
        try {
            return closed;
        } finally {
            lock.unlock();
        }
    }

    /** Starts what has to be fetched for a range; gives what to wait for. */
    private List<Wait> begin(long offset, long lengthBytes, boolean exactly) throws IOException {
        lock.lock();
        try {
            if (closed) {
                throw new IOException("the cache of " + cache.blob() + " is closed");
            }
            ChunkMap map = cache.chunks();
            List<Wait> waits = new ArrayList<>();
            List<Integer> mine = new ArrayList<>();
            for (int chunk = map.firstChunkEndingAfter(offset);
                    chunk < map.chunkCount() && map.deviceOffset(chunk) < offset + lengthBytes;
                    chunk++) {
                Fetch fetch = inFlight.get(map.deviceOffset(chunk));
                if (cache.isChunkReady(map, chunk)) {
                    continue;
                }
                if (fetch == null || fetch.hasFailed(numberIn(fetch.map(), map, chunk))) {
                    mine.add(chunk);
                } else {
                    waits.add(new Wait(fetch, numberIn(fetch.map(), map, chunk)));
                }
            }
            for (List<Integer> run : runs(map, mine)) {
                List<Integer> wanted = List.copyOf(run);
                Fetch fetch = launchDemand(map, run, exactly);
                wanted.forEach(chunk -> waits.add(new Wait(fetch, chunk)));
            }
            followMarks(map, offset, lengthBytes);
            return waits;
        } finally {
            lock.unlock();
        }
    }

    private static int numberIn(ChunkMap of, ChunkMap map, int chunk) {
        return of == map ? chunk : of.firstChunkEndingAfter(map.deviceOffset(chunk));
    }

    /** Chunks that one request each can fetch without much that nobody wants. */
    private static List<List<Integer>> runs(ChunkMap map, List<Integer> chunks) {
        List<List<Integer>> runs = new ArrayList<>();
        for (int chunk : chunks) {
            List<Integer> last = runs.isEmpty() ? List.of() : runs.getLast();
            if (!last.isEmpty() && joins(map, last.getLast(), chunk)) {
                last.add(chunk);
            } else {
                runs.add(new ArrayList<>(List.of(chunk)));
            }
        }
        return runs;
    }

    private static boolean joins(ChunkMap map, int before, int chunk) {
        long end = map.frameOffset(map.frameOf(before)) + map.frameStoredSizeBytes(map.frameOf(before));
        long gap = map.frameOffset(map.frameOf(chunk)) - end;
        return map.frameOf(before) == map.frameOf(chunk) || (gap >= 0 && gap <= LARGEST_GAP_BYTES);
    }

    private Fetch launchDemand(ChunkMap map, List<Integer> run, boolean exactly) {
        long start = map.deviceOffset(run.getFirst());
        int beyond = exactly ? 0 : planner.beyondDemand(start, endOf(map, run.getLast()));
        extend(map, run, beyond);
        Fetch fetch = launch(map, run, Priority.DEMAND);
        if (!exactly) {
            mark(planner.fetched(start, endOf(map, run.getLast()), beyond));
        }
        return fetch;
    }

    /** Adds the missing chunks that follow, as far as so many stored bytes go. */
    private void extend(ChunkMap map, List<Integer> run, int storedBytes) {
        long left = storedBytes;
        int last = run.getLast();
        for (int chunk = last + 1; chunk < map.chunkCount() && isFree(map, chunk) && joins(map, last, chunk); chunk++) {
            left -= map.frameOf(chunk) == map.frameOf(last) ? 0 : map.frameStoredSizeBytes(map.frameOf(chunk));
            if (left < 0) {
                return;
            }
            run.add(chunk);
            last = chunk;
        }
    }

    private boolean isFree(ChunkMap map, int chunk) {
        return !cache.isChunkReady(map, chunk) && !inFlight.containsKey(map.deviceOffset(chunk));
    }

    private static long endOf(ChunkMap map, int chunk) {
        long end = map.deviceOffset(chunk) + map.sizeBytes(chunk);
        return (end + BlobCache.BLOCK_SIZE_BYTES - 1) & -BlobCache.BLOCK_SIZE_BYTES;
    }

    private void mark(long deviceOffset) {
        if (deviceOffset != FetchPlanner.NO_MARK) {
            marks.set(deviceOffset);
        }
    }

    private void followMarks(ChunkMap map, long offset, long lengthBytes) {
        long end = Math.min(offset + lengthBytes, cache.sizeBytes());
        for (long at = marks.first(offset, end - offset); at >= 0; at = marks.first(at, end - at)) {
            marks.clear(at);
            FetchPlanner.Ahead ahead = planner.atMark(at);
            int first = map.firstChunkEndingAfter(ahead.deviceOffset());
            if (ahead.storedBytes() > 0 && first < map.chunkCount() && isFree(map, first)) {
                prefetch(map, first, ahead.storedBytes());
            }
        }
    }

    private Fetch prefetch(ChunkMap map, int first, int storedBytes) {
        List<Integer> run = new ArrayList<>(List.of(first));
        extend(map, run, storedBytes - map.frameStoredSizeBytes(map.frameOf(first)));
        Fetch fetch = launch(map, run, Priority.PREFETCH);
        mark(planner.fetched(map.deviceOffset(first), endOf(map, run.getLast()), storedBytes));
        return fetch;
    }

    private Fetch launch(ChunkMap map, List<Integer> run, Priority priority) {
        int[] chunks = run.stream().mapToInt(Integer::intValue).toArray();
        Fetch[] self = new Fetch[1];
        Fetch fetch = new Fetch(node, cache, source, link, map, chunks, priority, () -> ended(self[0]));
        self[0] = fetch;
        running.add(fetch);
        for (int chunk : chunks) {
            inFlight.put(map.deviceOffset(chunk), fetch);
        }
        fetch.start();
        return fetch;
    }

    private void ended(Fetch fetch) {
        lock.lock();
        try {
            for (int chunk : fetch.chunks()) {
                inFlight.remove(fetch.map().deviceOffset(chunk), fetch);
            }
            running.remove(fetch);
            idle.signalAll();
        } finally {
            lock.unlock();
        }
        if (cache.isComplete()) {
            onComplete.run();
        }
    }

    /** Completes the blob in the background, while demands go first. */
    public void fillInBackground() {
        lock.lock();
        try {
            if (filler == null && !closed) {
                filler = Thread.ofVirtual().name("rafter-fill").start(this::fillAll);
            }
        } finally {
            lock.unlock();
        }
    }

    private void fillAll() {
        long pauseMillis = FIRST_PAUSE_MILLIS;
        try {
            for (Fetch next = nextToFill(); next != null; next = nextToFill()) {
                if (next.awaitEnd()) {
                    Thread.sleep(pauseMillis);
                    pauseMillis = Math.min(2 * pauseMillis, 30 * LONGEST_PAUSE_MILLIS);
                } else {
                    pauseMillis = FIRST_PAUSE_MILLIS;
                }
            }
        } catch (InterruptedException _) {
            LOG.debug("filling {} was broken off", cache.blob());
        }
    }

    /** A fetch of the first missing chunks, or one that is under way already; null when there is nothing more to do. */
    private @Nullable Fetch nextToFill() {
        lock.lock();
        try {
            ChunkMap map = cache.chunks();
            for (int chunk = 0; chunk < map.chunkCount() && !closed; chunk++) {
                if (!cache.isChunkReady(map, chunk)) {
                    Fetch fetch = inFlight.get(map.deviceOffset(chunk));
                    return fetch == null ? prefetch(map, chunk, FILL_STORED_BYTES) : fetch;
                }
            }
            filler = null;
            return null;
        } finally {
            lock.unlock();
        }
    }

    /** Breaks off what is under way and waits for its end; the cache may be closed then. */
    @Override
    public void close() throws IOException {
        lock.lock();
        try {
            closed = true;
            running.forEach(Fetch::cancel);
            if (filler != null) {
                filler.interrupt();
            }
            long left = Duration.ofSeconds(30).toNanos();
            while (!running.isEmpty() && left > 0) {
                left = idle.awaitNanos(left);
            }
            if (!running.isEmpty()) {
                throw new IOException(running.size() + " fetches of " + cache.blob() + " do not end");
            }
        } catch (InterruptedException e) {
            throw interrupted(e);
        } finally {
            lock.unlock();
        }
    }
}
