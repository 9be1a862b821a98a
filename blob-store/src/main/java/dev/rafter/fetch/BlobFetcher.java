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

    private static final int FILL_STORED_BYTES = 4 << 20;
    private static final int BLOCK_BITS = Integer.numberOfTrailingZeros(BlobCache.BLOCK_SIZE_BYTES);

    private final Fetching node;
    private final BlobCache cache;
    private final BlobSource source;
    private final FetchPlanner planner;
    private final Marks marks;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final SourceHealth health = new SourceHealth();
    private final RecentFailures failures = new RecentFailures();
    private final Fetch.Owner outcomes = new Outcomes();
    /** By device offset of the chunk: numbers change when another image brings more chunks. */
    private final Map<Long, Fetch> inFlight = new HashMap<>();

    private final Set<Fetch> running = new HashSet<>();
    private final BackgroundFill fill = new BackgroundFill(this::nextToFill);
    private @Nullable Thread filler;
    private boolean closed;

    BlobFetcher(Fetching node, BlobCache cache, BlobSource source) {
        this.node = node;
        this.cache = cache;
        this.source = source;
        planner = new WindowPlanner(() -> node.link(source.host()).bandwidthDelayBytes());
        marks = new Marks(cache.sizeBytes(), BLOCK_BITS);
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
            long deadline = start + node.options().demandTimeout().toNanos();
            fill(offset, lengthBytes, new Demand(start, deadline, cache.missingChunks()));
            failed = false;
        } finally {
            node.stats().demandWaited(System.nanoTime() - start, failed);
        }
    }

    /**
     * What a demand began with.
     *
     * @param missingChunks how many chunks of the blob were missing
     */
    private record Demand(long startNanos, long deadlineNanos, int missingChunks) {}

    private record Wait(Fetch fetch, int chunk) {}

    private void fill(long offset, long lengthBytes, Demand demand) throws IOException {
        if (offset < 0 || lengthBytes < 1 || offset >= cache.sizeBytes()) {
            throw new IOException(lengthBytes + " bytes at " + offset + " are not in the device of " + cache.blob());
        }
        long clipped = Math.min(lengthBytes, cache.sizeBytes() - offset);
        int corrupt = 0;
        while (true) {
            List<Wait> waits = begin(offset, clipped, corrupt > 0, demand);
            try {
                await(waits, demand);
                return;
            } catch (DigestMismatchException | CorruptImageException e) {
                if (++corrupt == CORRUPT_ATTEMPTS) {
                    throw e;
                }
            } catch (CacheWriteException | FetchTimeoutException | InterruptedIOException e) {
                throw e;
            } catch (IOException e) {
                LOG.debug("a demand of {} tries again", cache.blob(), e);
            }
        }
    }

    private void await(List<Wait> waits, Demand demand) throws IOException {
        try {
            for (Wait wait : waits) {
                wait.fetch()
                        .await(
                                wait.chunk(),
                                demand.deadlineNanos(),
                                node.options().demandTimeout());
            }
        } catch (FetchTimeoutException e) {
            throw late(demand, e.deviceOffset());
        } catch (InterruptedException e) {
            throw interrupted(e);
        }
    }

    /** If nothing at all came in all the time, this is noted, so that the same reader's next demands need not wait as long again. */
    private FetchTimeoutException late(Demand demand, long deviceOffset) {
        lock.lock();
        try {
            FetchTimeoutException late = new FetchTimeoutException(
                    source.describe(), deviceOffset, node.options().demandTimeout(), health.failure());
            int missing = cache.missingChunks();
            if (missing == demand.missingChunks()) {
                failures.sourceLate(late, missing);
            }
            return late;
        } finally {
            lock.unlock();
        }
    }

    private static IOException interrupted(InterruptedException e) {
        Thread.currentThread().interrupt();
        InterruptedIOException interrupted = new InterruptedIOException("interrupted while waiting for a fetch");
        interrupted.initCause(e);
        return interrupted;
    }

    /**
     * Starts what has to be fetched for a range, as soon as the source may be asked; gives what to wait for.
     *
     * @throws IOException if that is not by the deadline, or what is missing has just failed for a reason of its own
     */
    private List<Wait> begin(long offset, long lengthBytes, boolean exactly, Demand demand) throws IOException {
        lock.lock();
        try {
            while (true) {
                if (closed) {
                    throw new IOException("the cache of " + cache.blob() + " is closed");
                }
                ChunkMap map = cache.chunks();
                List<Wait> waits = new ArrayList<>();
                List<Integer> mine = missing(map, offset, lengthBytes, demand, waits);
                long now = System.nanoTime();
                if (mine.isEmpty() || health.mayAsk(now)) {
                    launchDemands(map, mine, exactly, waits);
                    followMarks(map, offset, lengthBytes);
                    return waits;
                }
                if (demand.deadlineNanos() - now <= 0) {
                    throw late(demand, offset);
                }
                long _ = changed.awaitNanos(Math.min(demand.deadlineNanos() - now, health.nanosToWait(now)));
            }
        } catch (InterruptedException e) {
            throw interrupted(e);
        } finally {
            lock.unlock();
        }
    }

    /** The chunks of a range that are missing and not on their way; those on their way are added to the waits. */
    private List<Integer> missing(ChunkMap map, long offset, long lengthBytes, Demand demand, List<Wait> waits)
            throws IOException {
        List<Integer> mine = new ArrayList<>();
        for (int chunk = map.firstChunkEndingAfter(offset);
                chunk < map.chunkCount() && map.deviceOffset(chunk) < offset + lengthBytes;
                chunk++) {
            if (cache.isChunkReady(map, chunk)) {
                continue;
            }
            failures.throwIfLate(demand.startNanos(), cache.missingChunks());
            Fetch fetch = inFlight.get(map.deviceOffset(chunk));
            if (fetch == null || fetch.hasFailed(numberIn(fetch.map(), map, chunk))) {
                failures.throwIfRecent(map.deviceOffset(chunk));
                mine.add(chunk);
            } else {
                fetch.raise();
                waits.add(new Wait(fetch, numberIn(fetch.map(), map, chunk)));
            }
        }
        return mine;
    }

    private void launchDemands(ChunkMap map, List<Integer> missing, boolean exactly, List<Wait> waits) {
        for (List<Integer> run : runs(map, missing)) {
            List<Integer> wanted = List.copyOf(run);
            Fetch fetch = launchDemand(map, run, exactly);
            wanted.forEach(chunk -> waits.add(new Wait(fetch, chunk)));
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
        if (exactly) {
            return launch(map, run, Priority.DEMAND);
        }
        FetchPlanner.Around around = planner.aroundDemand(start, map.frameOffset(map.frameOf(run.getFirst())));
        extend(map, run, around.beyondBytes());
        closeGap(map, run, around.gapBytes());
        Fetch fetch = launch(map, run, Priority.DEMAND);
        long first = map.deviceOffset(run.getFirst());
        mark(planner.fetched(first, endOf(map, run.getLast()), around.beyondBytes()));
        return fetch;
    }

    /** Adds all chunks that are missing before a run, up to those that were fetched, if they have no more than so many stored bytes. */
    private void closeGap(ChunkMap map, List<Integer> run, int storedBytes) {
        List<Integer> gap = new ArrayList<>();
        long left = storedBytes;
        int next = run.getFirst();
        for (int chunk = next - 1; chunk >= 0 && isFree(map, chunk); chunk--) {
            left -= map.frameOf(chunk) == map.frameOf(next) ? 0 : map.frameStoredSizeBytes(map.frameOf(chunk));
            if (left < 0 || chunk == 0 || !joins(map, chunk, next)) {
                return;
            }
            gap.add(chunk);
            next = chunk;
        }
        run.addAll(0, gap.reversed());
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
            if (ahead.storedBytes() > 0 && health.failure() == null && first < map.chunkCount() && isFree(map, first)) {
                prefetch(map, first, ahead.storedBytes(), Priority.PREFETCH);
            }
        }
    }

    private Fetch prefetch(ChunkMap map, int first, int storedBytes, Priority priority) {
        List<Integer> run = new ArrayList<>(List.of(first));
        extend(map, run, storedBytes - map.frameStoredSizeBytes(map.frameOf(first)));
        Fetch fetch = launch(map, run, priority);
        if (priority == Priority.PREFETCH) {
            mark(planner.fetched(map.deviceOffset(first), endOf(map, run.getLast()), storedBytes));
        }
        return fetch;
    }

    private Fetch launch(ChunkMap map, List<Integer> run, Priority priority) {
        int[] chunks = run.stream().mapToInt(Integer::intValue).toArray();
        Fetch fetch = new Fetch(node, cache, source, map, chunks, priority, outcomes);
        running.add(fetch);
        for (int chunk : chunks) {
            inFlight.put(map.deviceOffset(chunk), fetch);
        }
        fetch.start();
        return fetch;
    }

    /** What came of fetches. */
    private final class Outcomes implements Fetch.Owner {
        @Override
        public void refused(Fetch fetch, int chunk, IOException why) {
            lock.lock();
            try {
                failures.chunkFailed(fetch.map().deviceOffset(chunk), why);
            } finally {
                lock.unlock();
            }
        }

        @Override
        public void ended(Fetch fetch) {
            lock.lock();
            try {
                for (int chunk : fetch.chunks()) {
                    inFlight.remove(fetch.map().deviceOffset(chunk), fetch);
                }
                running.remove(fetch);
                report(fetch);
                changed.signalAll();
            } finally {
                lock.unlock();
            }
        }
    }

    private void report(Fetch fetch) {
        IOException failure = fetch.failure();
        long now = System.nanoTime();
        if (failure == null || failure instanceof CacheWriteException) {
            health.succeeded();
        } else if (!fetch.isCancelled()) {
            health.failed(failure, now);
        }
        if (failure instanceof CacheWriteException full) {
            failures.diskFailed(full);
        }
    }

    /** Completes the blob in the background, while demands go first. */
    public void fillInBackground() {
        lock.lock();
        try {
            if (filler == null && !closed) {
                filler = Thread.ofVirtual().name("rafter-fill").start(fill);
            } else {
                fill.again();
            }
        } finally {
            lock.unlock();
        }
    }

    private @Nullable Fetch nextToFill(long deviceOffset) {
        lock.lock();
        try {
            ChunkMap map = cache.chunks();
            for (int chunk = map.firstChunkEndingAfter(deviceOffset); chunk < map.chunkCount() && !closed; chunk++) {
                if (!cache.isChunkReady(map, chunk)) {
                    Fetch fetch = inFlight.get(map.deviceOffset(chunk));
                    return fetch == null ? prefetch(map, chunk, FILL_STORED_BYTES, Priority.FILL) : fetch;
                }
            }
            filler = deviceOffset == 0 ? null : filler;
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
            changed.signalAll();
            running.forEach(Fetch::cancel);
            if (filler != null) {
                filler.interrupt();
            }
            long left = Duration.ofSeconds(30).toNanos();
            while (!running.isEmpty() && left > 0) {
                left = changed.awaitNanos(left);
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
