package dev.rafter.mount;

import dev.rafter.blob.BlobCache;
import dev.rafter.blob.BlobStore;
import dev.rafter.blob.KeyedLocks;
import dev.rafter.fetch.Fetching;
import dev.rafter.fetch.SharedSource;
import dev.rafter.image.ImageDevice;
import dev.rafter.oci.Digest;
import dev.rafter.ondemand.Transport;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The blobs that mounts read from. Each has a lock, which guards its place in the table and its count; it is held while its cache is opened
 * or closed and while its file is guarded. Other blobs do not wait for that, nor does any reader.
 */
final class GuardedBlobs {
    private final BlobStore store;
    private final Transport transport;
    private final Fetching fetching;
    private final KeyedLocks<Digest> locks = new KeyedLocks<>();
    private final Map<Path, GuardedBlob> blobs = new ConcurrentHashMap<>();
    /** By the name of the guard. */
    private final Map<String, OrphanedFile> denied = new ConcurrentHashMap<>();

    GuardedBlobs(BlobStore store, Transport transport, Fetching fetching) {
        this.store = store;
        this.transport = transport;
        this.fetching = fetching;
    }

    /** A mount's use of a blob. */
    record Use(GuardedBlob blob, ImageDevice.Lazy device) {}

    /** Takes a blob into use: its file is open and, if it has holes, guarded. */
    Use acquire(ImageDevice.Lazy device) throws IOException {
        return acquire(device, this::guard);
    }

    private void guard(GuardedBlob blob) throws IOException {
        OrphanedFile orphan = denied.remove(blob.name());
        if (orphan != null) {
            blob.references++; // of whoever still reads: nobody knows when they end
            blob.inherit(orphan);
        } else {
            blob.guard(transport);
        }
    }

    /** As {@link #acquire}, for a mount that the last daemon made. */
    Use adopt(ImageDevice.Lazy device) throws IOException {
        return acquire(device, blob -> blob.adoptGuard(transport));
    }

    /** Guards that the last daemon had, and no mount of it that is known now. */
    Set<String> orphans() {
        return transport.left();
    }

    /** Has readers of an orphan get EIO until its image is mounted again. */
    void deny(String orphan) throws IOException {
        OrphanedFile file = OrphanedFile.adopt(transport, orphan);
        if (file != null) {
            denied.put(orphan, file);
        }
    }

    /** Ends the guard of an orphan that no mount has. */
    void end(String orphan) throws IOException {
        OrphanedFile file = OrphanedFile.adopt(transport, orphan);
        if (file != null) {
            file.end();
        }
    }

    /** Returns when all guards are where they outlive this process. */
    void settle() throws IOException {
        transport.settle();
    }

    private interface Guarding {
        void guard(GuardedBlob blob) throws IOException;
    }

    private Use acquire(ImageDevice.Lazy device, Guarding guarding) throws IOException {
        try (var _ = locks.lock(device.blob())) {
            BlobCache cache = store.acquire(device.blob(), device.chunks());
            GuardedBlob blob = blobs.get(cache.directory());
            if (blob == null) {
                blob = open(cache);
            } else {
                cache.release();
            }
            blob.references++;
            blob.source().add(device.source());
            Use use = new Use(blob, device);
            try {
                guarding.guard(blob);
            } catch (IOException | RuntimeException e) {
                release(use);
                throw e;
            }
            return use;
        }
    }

    private GuardedBlob open(BlobCache cache) {
        SharedSource source = new SharedSource();
        GuardedBlob blob = new GuardedBlob(cache, fetching.fetcher(cache, source), source);
        blobs.put(cache.directory(), blob);
        return blob;
    }

    /** Ends a use; the last one ends the guard, closes the cache file and brings it to disk. The filesystem is unmounted already. */
    void release(Use use) throws IOException {
        try (var _ = locks.lock(use.device().blob())) {
            GuardedBlob blob = use.blob();
            blob.source().remove(use.device().source());
            if (--blob.references == 0) {
                blobs.remove(blob.cache().directory());
                blob.close();
            }
        }
    }

    List<GuardedBlob> all() {
        return List.copyOf(blobs.values());
    }
}
