package dev.rafter.fetch;

import dev.rafter.blob.CacheWriteException;
import java.io.IOException;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What has just failed for a reason that asking again at once will not change: chunks that came with wrong bytes twice, or not by a demand's
 * deadline, a disk that is full. Readers who ask again within a short time get the same error without another request. Not thread safe: its
 * owner's lock guards it.
 */
final class RecentFailures {
    private static final long CHUNK_NANOS = TimeUnit.SECONDS.toNanos(1);
    /** A readahead that was denied comes back at once as a read of one page: it must not wait for another deadline. */
    private static final long TIMEOUT_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    private static final long DISK_NANOS = TimeUnit.MILLISECONDS.toNanos(250);
    private static final int ATTEMPTS = 2;

    private final Recent refused = new Recent(CHUNK_NANOS);
    private final Recent late = new Recent(TIMEOUT_NANOS);
    private @Nullable CacheWriteException disk;
    private long diskFailedAtNanos;

    private record ChunkFailure(int times, long atNanos, IOException why) {}

    /** Failures of chunks by device offset, the oldest first. */
    private static final class Recent {
        private final Map<Long, ChunkFailure> chunks = new LinkedHashMap<>();
        private final long lifeNanos;

        Recent(long lifeNanos) {
            this.lifeNanos = lifeNanos;
        }

        void failed(long deviceOffset, IOException why) {
            long now = System.nanoTime();
            Iterator<ChunkFailure> oldest = chunks.values().iterator();
            while (oldest.hasNext() && now - oldest.next().atNanos() > lifeNanos) {
                oldest.remove();
            }
            ChunkFailure before = chunks.remove(deviceOffset);
            chunks.put(deviceOffset, new ChunkFailure(before == null ? 1 : before.times() + 1, now, why));
        }

        void throwIf(long deviceOffset, int times) throws IOException {
            ChunkFailure failure = chunks.get(deviceOffset);
            if (failure != null && failure.times() >= times && System.nanoTime() - failure.atNanos() < lifeNanos) {
                throw failure.why();
            }
        }
    }

    /** A chunk came with wrong bytes. */
    void chunkFailed(long deviceOffset, IOException why) {
        refused.failed(deviceOffset, why);
    }

    /** A chunk did not come by a demand's deadline. */
    void chunkLate(long deviceOffset, FetchTimeoutException why) {
        late.failed(deviceOffset, why);
    }

    void diskFailed(CacheWriteException why) {
        disk = why;
        diskFailedAtNanos = System.nanoTime();
    }

    /** Throws what has just failed, if waiting for this chunk, though it may be on its way, would fail in the same way. */
    void throwIfLate(long deviceOffset) throws IOException {
        late.throwIf(deviceOffset, 1);
    }

    /** Throws what has just failed, if fetching this chunk would fail in the same way. */
    void throwIfRecent(long deviceOffset) throws IOException {
        if (disk != null && System.nanoTime() - diskFailedAtNanos < DISK_NANOS) {
            throw disk;
        }
        refused.throwIf(deviceOffset, ATTEMPTS);
    }
}
