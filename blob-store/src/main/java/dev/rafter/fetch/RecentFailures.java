package dev.rafter.fetch;

import dev.rafter.blob.CacheWriteException;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What has just failed for a reason that asking again at once will not change: chunks that came with wrong bytes twice, a disk that is full.
 * Readers who ask again within a short time get the same error without another request. Not thread safe: its owner's lock guards it.
 */
final class RecentFailures {
    private static final long CHUNK_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final long DISK_NANOS = TimeUnit.MILLISECONDS.toNanos(250);
    private static final int ATTEMPTS = 2;

    /** By device offset. */
    private final Map<Long, ChunkFailure> chunks = new HashMap<>();

    private @Nullable CacheWriteException disk;
    private long diskFailedAtNanos;

    private record ChunkFailure(int times, long atNanos, IOException why) {}

    void chunkFailed(long deviceOffset, IOException why) {
        long now = System.nanoTime();
        chunks.values().removeIf(failure -> now - failure.atNanos() > CHUNK_NANOS);
        ChunkFailure before = chunks.get(deviceOffset);
        chunks.put(deviceOffset, new ChunkFailure(before == null ? 1 : before.times() + 1, now, why));
    }

    void diskFailed(CacheWriteException why) {
        disk = why;
        diskFailedAtNanos = System.nanoTime();
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
