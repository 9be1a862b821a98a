package dev.rafter.mount;

import dev.rafter.blob.BlobCache;
import dev.rafter.fetch.BlobFetcher;
import dev.rafter.fetch.SharedSource;
import dev.rafter.ondemand.OnDemandSource;
import dev.rafter.ondemand.Transport;
import java.io.IOException;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A blob that some mount reads from: its cache file, guarded as long as it has holes or may have them again, and the fetcher that fills them.
 * Shared by all mounts that have the blob, and counted by {@link GuardedBlobs}. The lock guards whether there is a guard; no fetch is made
 * under it.
 *
 * <p>A file that is complete but not yet on disk keeps its guard: a disk that fails to write loses pages that the kernel still calls clean,
 * and only a guard can have them filled again.
 */
final class GuardedBlob implements OnDemandSource {
    private final BlobCache cache;
    private final BlobFetcher fetcher;
    private final SharedSource source;
    private final ReentrantLock lock = new ReentrantLock();
    private Transport.@Nullable Guard guard;
    /** Users; guarded by {@link GuardedBlobs}. */
    int references;

    GuardedBlob(BlobCache cache, BlobFetcher fetcher, SharedSource source) {
        this.cache = cache;
        this.fetcher = fetcher;
        this.source = source;
        cache.onSafe(this::releaseWhenSafe);
    }

    BlobCache cache() {
        return cache;
    }

    BlobFetcher fetcher() {
        return fetcher;
    }

    SharedSource source() {
        return source;
    }

    /** Sees to it that the file is guarded if it needs that: before every mount, also when a new image knows more chunks of it. */
    void guard(Transport transport) throws IOException {
        lock.lock();
        try {
            if (guard == null && !cache.isSafe()) {
                guard = transport.guard(name(), cache.dataFile(), this);
            }
        } finally {
            lock.unlock();
        }
    }

    /**
     * Takes over the guard that the last daemon had.
     *
     * @throws GuardLostException if there is none and the file has holes
     */
    void adoptGuard(Transport transport) throws IOException {
        lock.lock();
        try {
            if (guard == null) {
                guard = transport.adopt(name(), this).orElse(null);
            }
            if (guard == null && !cache.isComplete()) {
                throw new GuardLostException(describe());
            }
        } finally {
            lock.unlock();
        }
        releaseWhenSafe();
    }

    /** Takes over a guard that nobody served. */
    void inherit(OrphanedFile orphan) {
        lock.lock();
        try {
            guard = orphan.serve(this);
        } finally {
            lock.unlock();
        }
        releaseWhenSafe();
    }

    /** Of the guard, over restarts of the daemon too. */
    String name() {
        return cache.directory().getFileName().toString();
    }

    @Override
    public String describe() {
        return "blob " + cache.blob();
    }

    @Override
    public boolean isReady(long offset, long lengthBytes) {
        return fetcher.isReady(offset, lengthBytes);
    }

    @Override
    public void fill(long offset, long lengthBytes) throws IOException {
        fetcher.demand(offset, lengthBytes);
    }

    /** Lets the kernel serve a file alone that will never have a hole again. */
    void releaseWhenSafe() {
        lock.lock();
        try {
            if (guard != null && cache.isSafe()) {
                guard.release();
                guard = null;
            }
        } finally {
            lock.unlock();
        }
    }

    /** Ends all of it; no mount has the file any more. Whatever fails, the cache is released. */
    void close() throws IOException {
        try {
            endGuard();
        } finally {
            try {
                fetcher.close();
            } finally {
                cache.release();
            }
        }
    }

    private void endGuard() {
        lock.lock();
        try {
            if (guard != null) {
                guard.close();
                guard = null;
            }
        } finally {
            lock.unlock();
        }
    }
}
