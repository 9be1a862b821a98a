package dev.rafter.snapshotter;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells how much disk space snapshots take, at a bounded cost for each question: containerd asks for every container every ten seconds.
 * A folder with few files is counted at once. A larger one is counted in the background, by one thread for all, and the answer is the
 * last count; the next is due only when twenty times its duration has passed. Thread safe.
 */
final class UsageCounter implements Closeable {
    private static final Logger LOG = LoggerFactory.getLogger(UsageCounter.class);
    private static final int AT_ONCE_ENTRIES = 2000;
    private static final Duration PATIENCE = Duration.ofSeconds(5);
    private static final long MIN_AGE_NANOS = Duration.ofSeconds(10).toNanos();
    private static final int IDLE_FACTOR = 20;

    private final Map<Long, CompletableFuture<Usage>> running = new ConcurrentHashMap<>();
    private final Map<Long, Count> last = new ConcurrentHashMap<>();
    private final ThreadPoolExecutor counter;

    private record Count(Usage usage, long dueNanos) {}

    UsageCounter() {
        counter = new ThreadPoolExecutor(
                1,
                1,
                10,
                TimeUnit.SECONDS,
                new LinkedBlockingQueue<>(),
                Thread.ofPlatform().daemon().name("rafter-usage").factory());
        counter.allowCoreThreadTimeOut(true);
    }

    /** Usage of a folder that may be changing. */
    Usage now(long id, Path folder) throws IOException {
        Optional<Usage> small = DiskUsage.count(folder, AT_ONCE_ENTRIES);
        if (small.isPresent()) {
            return small.get();
        }
        Count count = last.get(id);
        if (count == null) {
            return await(id, folder);
        }
        if (System.nanoTime() - count.dueNanos() > 0) {
            var _ = start(id, folder);
        }
        return count.usage();
    }

    /** Usage of a folder that is being counted, or is counted now. */
    Usage await(long id, Path folder) throws IOException {
        try {
            return start(id, folder).get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw new SnapshotException(
                    SnapshotException.Code.UNAVAILABLE, "the files in " + folder + " are still being counted", e);
        } catch (ExecutionException e) {
            throw new IOException("cannot count the files in " + folder + ": " + e.getCause(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while the files in " + folder + " were being counted", e);
        }
    }

    /** Counts a folder in the background; joins a count that is under way. */
    CompletableFuture<Usage> start(long id, Path folder) {
        CompletableFuture<Usage> mine = new CompletableFuture<>();
        CompletableFuture<Usage> other = running.putIfAbsent(id, mine);
        if (other != null) {
            return other;
        }
        counter.execute(() -> count(id, folder, mine));
        return mine;
    }

    private void count(long id, Path folder, CompletableFuture<Usage> result) {
        long start = System.nanoTime();
        try {
            Usage usage = DiskUsage.count(folder, Integer.MAX_VALUE).orElseThrow();
            long end = System.nanoTime();
            last.put(id, new Count(usage, end + Math.max(MIN_AGE_NANOS, IDLE_FACTOR * (end - start))));
            if (!running.remove(id, result)) {
                // It was forgotten meanwhile.
                last.remove(id);
            }
            result.complete(usage);
        } catch (IOException | RuntimeException e) {
            LOG.debug("the files in {} cannot be counted: {}", folder, e.toString());
            running.remove(id, result);
            result.completeExceptionally(e);
        }
    }

    /** What was counted so far, and is being counted, counts no more. */
    void forget(long id) {
        running.remove(id);
        last.remove(id);
    }

    @Override
    public void close() {
        // Not interrupted: that would close the state journal under the one that is just keeping a count.
        counter.getQueue().clear();
        counter.shutdown();
    }
}
