package dev.rafter.mount;

import dev.rafter.api.MountView;
import dev.rafter.blob.BlobCache;
import dev.rafter.image.ImageDevice;
import dev.rafter.image.OpenedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A mounted image. */
record ActiveMount(MountRecord record, Path directory, OpenedImage image, List<GuardedBlobs.Use> uses) {
    ActiveMount {
        uses = List.copyOf(uses);
    }

    /** Completes its blobs in the background. */
    void fill() {
        uses.forEach(use -> use.blob().fetcher().fillInBackground());
    }

    /** Whether no reader can meet a hole now. A mount that was taken over in part has devices that it knows nothing of. */
    boolean isComplete() {
        return hasAllDevices()
                && uses.stream().allMatch(use -> use.blob().cache().isComplete());
    }

    /** Whether no reader can meet a hole, ever: then it needs no guard. */
    boolean isSafe() {
        return hasAllDevices()
                && uses.stream().allMatch(use -> use.blob().cache().isSafe());
    }

    private boolean hasAllDevices() {
        return uses.size()
                == image.devices().stream()
                        .filter(ImageDevice.Lazy.class::isInstance)
                        .count();
    }

    MountView view() {
        return new MountView(
                directory.toString(),
                image.name(),
                image.digest().toString(),
                isComplete() ? "complete" : "lazy",
                "",
                uses.stream().map(ActiveMount::view).toList());
    }

    private static MountView.Blob view(GuardedBlobs.Use use) {
        BlobCache cache = use.blob().cache();
        int chunks = cache.chunks().chunkCount();
        return new MountView.Blob(cache.blob().toString(), cache.sizeBytes(), chunks, chunks - cache.missingChunks());
    }

    /** Lets go of everything; the filesystem is unmounted already. */
    void release(GuardedBlobs blobs) throws IOException {
        List<IOException> failures = new ArrayList<>();
        try (image) {
            for (GuardedBlobs.Use use : uses) {
                try {
                    blobs.release(use);
                } catch (IOException e) {
                    failures.add(e);
                }
            }
        }
        if (!failures.isEmpty()) {
            throw failures.getFirst();
        }
    }
}
