package dev.rafter.fetch;

import dev.rafter.blob.CacheWriteException;
import java.io.IOException;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What has just failed for a reason that asking again at once will not change: chunks that came with wrong bytes twice, a source from which
 * nothing came for as long as a demand may take, a disk that is full. Readers who ask again within a short time get the same error without
 * another request. Not thread safe: its owner's lock guards it.
 */
final class RecentFailures {
    private static final long CHUNK_NANOS = TimeUnit.SECONDS.toNanos(1);
    /** One reader asks several times: for each extent of a readahead, and for a page of it again. Together they must not wait for longer. */
    private static final long LATE_NANOS = TimeUnit.SECONDS.toNanos(1);

    private static final long DISK_NANOS = TimeUnit.MILLISECONDS.toNanos(250);
    private static final int ATTEMPTS = 2;

    /** Failures of chunks by device offset, the oldest first. */
    private final Map<Long, ChunkFailure> chunks = new LinkedHashMap<>();

    private @Nullable FetchTimeoutException late;
    private long lateNanos;
    /** How many chunks were missing when the source was late: one that has come since says that it is no more. */
    private int lateMissing;

    private @Nullable CacheWriteException disk;
    private long diskFailedAtNanos;

    private record ChunkFailure(int times, long atNanos, IOException why) {}

    /** A chunk came with wrong bytes. */
    void chunkFailed(long deviceOffset, IOException why) {
        long now = System.nanoTime();
        Iterator<ChunkFailure> oldest = chunks.values().iterator();
        while (oldest.hasNext() && now - oldest.next().atNanos() > CHUNK_NANOS) {
            oldest.remove();
        }
        ChunkFailure before = chunks.remove(deviceOffset);
        chunks.put(deviceOffset, new ChunkFailure(before == null ? 1 : before.times() + 1, now, why));
    }

    /**
     * A demand was not filled by its deadline, and nothing else of the blob came meanwhile.
     *
     * @param missingChunks how many chunks are missing
     */
    void sourceLate(FetchTimeoutException why, int missingChunks) {
        late = why;
        lateNanos = System.nanoTime();
        lateMissing = missingChunks;
    }

    void diskFailed(CacheWriteException why) {
        disk = why;
        diskFailedAtNanos = System.nanoTime();
    }

    /**
     * Throws what had just failed when a demand began, if nothing has come since: waiting for what is missing, though it may be on its way, would
     * most likely fail in the same way.
     */
    void throwIfLate(long demandNanos, int missingChunks) throws FetchTimeoutException {
        long after = demandNanos - lateNanos;
        if (late != null && missingChunks == lateMissing && after >= 0 && after < LATE_NANOS) {
            throw late;
        }
    }

    /** Throws what has just failed, if fetching this chunk would fail in the same way. */
    void throwIfRecent(long deviceOffset) throws IOException {
        long now = System.nanoTime();
        if (disk != null && now - diskFailedAtNanos < DISK_NANOS) {
            throw disk;
        }
        ChunkFailure failure = chunks.get(deviceOffset);
        if (failure != null && failure.times() >= ATTEMPTS && now - failure.atNanos() < CHUNK_NANOS) {
            throw failure.why();
        }
    }
}
