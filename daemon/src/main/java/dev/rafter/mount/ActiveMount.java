package dev.rafter.mount;

import dev.rafter.api.MountView;
import dev.rafter.blob.BlobCache;
import dev.rafter.image.ImageDevice;
import dev.rafter.image.OpenedImage;
import dev.rafter.linux.Fd;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A mounted image, or one that was unmounted and is still read from. */
final class ActiveMount {
    private final MountRecord record;
    private final OpenedImage image;
    private final List<GuardedBlobs.Use> uses;
    private final @Nullable Object bootstrapFile;
    private volatile long handedOutNanos;
    private volatile boolean handedOut;
    private boolean released;

    ActiveMount(MountRecord record, OpenedImage image, List<GuardedBlobs.Use> uses) {
        this.record = record;
        this.image = image;
        this.uses = List.copyOf(uses);
        this.bootstrapFile = file(image.bootstrap());
    }

    /** Which file a name stands for. */
    private static @Nullable Object file(Path path) {
        try {
            return Files.readAttributes(path, BasicFileAttributes.class).fileKey();
        } catch (IOException _) {
            return null; // as long as nobody asks
        }
    }

    /**
     * Whether the kernel has the filesystem, mounted here or anywhere, or used by another one.
     *
     * @throws IOException if that cannot be told: the bootstrap's name stands for another file now, or for none
     */
    boolean isUsedByTheKernel() throws IOException {
        try (Fd fd = Fd.open(image.bootstrap(), Fd.O_RDONLY)) {
            if (bootstrapFile == null || !bootstrapFile.equals(file(image.bootstrap()))) {
                throw new IOException(image.bootstrap() + " is not the file that was mounted");
            }
            return !fd.isOnlyOpenFile();
        }
    }

    MountRecord record() {
        return record;
    }

    Path directory() {
        return record.directory();
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

    /** Somebody was told where it is, and will put something on top of it. */
    void handOut() {
        handedOutNanos = System.nanoTime();
        handedOut = true;
    }

    /** Whether {@link #handOut} was called so short a while ago. */
    boolean isHandedOutWithin(Duration time) {
        return handedOut && System.nanoTime() - handedOutNanos < time.toNanos();
    }

    MountView view() {
        return new MountView(
                directory().toString(),
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

    /** Lets go of everything, once; the kernel has let go of it already. */
    synchronized void release(GuardedBlobs blobs) throws IOException {
        if (released) {
            return;
        }
        released = true;
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
