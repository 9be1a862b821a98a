package dev.rafter.mount;

import dev.rafter.oci.Digest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Mounts that were unmounted, with their guards. A filesystem lives on while an overlay or another mount namespace uses it, though it is
 * unmounted here; without its guards it would show holes as zeros. A mount comes here before it is forgotten as mounted, and leaves when
 * the kernel is known to have let go of it: whatever fails meanwhile, it stays. Thread safe.
 */
final class LingeringMounts {
    private static final Logger LOG = LoggerFactory.getLogger(LingeringMounts.class);

    private final GuardedBlobs blobs;
    private final MountRecords records;
    private final Set<ActiveMount> mounts = ConcurrentHashMap.newKeySet();

    LingeringMounts(GuardedBlobs blobs, MountRecords records) {
        this.blobs = blobs;
        this.records = records;
    }

    void add(ActiveMount mount) {
        mounts.add(mount);
    }

    /**
     * Ends the guards of a mount if the kernel has let go of it; false if it has not.
     *
     * @throws IOException if that cannot be told, and it stays; or if what it had read could not be brought to disk
     */
    boolean letGo(ActiveMount mount) throws IOException {
        if (!mount.isSafe() && mount.isUsedByTheKernel()) {
            return false;
        }
        records.remove(mount.record());
        try {
            mount.release(blobs);
        } finally {
            mounts.remove(mount);
        }
        return true;
    }

    /** Lets go of those that nothing reads from any more. To be called now and then. */
    void look() {
        for (ActiveMount mount : mounts) {
            try {
                if (letGo(mount)) {
                    LOG.info("nothing reads from what was mounted at {} any more", mount.directory());
                }
            } catch (IOException e) {
                LOG.warn("letting go of what was mounted at {} failed: {}", mount.directory(), e.getMessage());
            }
        }
    }

    boolean has(Digest image) {
        return mounts.stream().anyMatch(mount -> mount.record().digest().equals(image));
    }

    List<Path> directories() {
        return mounts.stream().map(ActiveMount::directory).toList();
    }
}
