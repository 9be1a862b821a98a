package dev.rafter.mount;

import dev.rafter.blob.BlobStore;
import dev.rafter.build.BuildOptions;
import dev.rafter.build.ChunkDictionary;
import dev.rafter.fetch.FetchOptions;
import dev.rafter.fetch.Fetching;
import dev.rafter.image.Folders;
import dev.rafter.image.ImageConverter;
import dev.rafter.image.ImageDevice;
import dev.rafter.image.ImageOpener;
import dev.rafter.image.ImageStore;
import dev.rafter.image.OpenedImage;
import dev.rafter.image.RehearsalImage;
import dev.rafter.linux.fanotify.FanotifyTransport;
import dev.rafter.oci.Platform;
import dev.rafter.registry.ImageReference;
import dev.rafter.registry.ImageTarget;
import dev.rafter.registry.Images;
import dev.rafter.registry.RegistryOptions;
import dev.rafter.registry.embedded.EmbeddedRegistry;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Plays a lazy mount through when a daemon has just started and has nothing to do: a small image in a registry in this process is opened,
 * guarded, and read through the kernel. The image was prepared when Rafter was built; where it was not, it is converted first, which takes
 * half as long again and leaves 10 MiB more behind. What a program does for the first time takes a Java machine many times as
 * long as later, and the first container would wait for it. All of it happens in a directory of its own, with objects of its own, and a
 * failure matters to nobody.
 */
public final class Rehearsal implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Rehearsal.class);
    private static final Duration DELAY = Duration.ofMillis(500);
    private static final int PAGE_BYTES = 4096;
    private static final int FOLDERS = 20;

    private final Path directory;
    private final @Nullable Path prepared;
    private final Supplier<Images> images;
    private final BooleanSupplier needless;
    private final Play more;
    private final Thread thread;

    /** What else is played through. */
    @FunctionalInterface
    public interface Play {
        void run() throws IOException;
    }

    Rehearsal(Path directory, @Nullable Path prepared, Supplier<Images> images, BooleanSupplier needless, Play more) {
        this.directory = directory;
        this.prepared = prepared;
        this.images = images;
        this.needless = needless;
        this.more = more;
        thread = Thread.ofPlatform().daemon().name("rafter-rehearsal").unstarted(this::run);
    }

    /**
     * Begins in the background, a moment later.
     *
     * @param directory is made, and removed with all that is in it
     * @param prepared what {@link #prepare} has made; null if that was not done
     * @param images what mounts are opened through
     * @param needless whether the daemon has mounted something by then
     * @param more is played in any case, after that
     */
    public static Rehearsal start(
            Path directory, @Nullable Path prepared, Supplier<Images> images, BooleanSupplier needless, Play more) {
        Rehearsal rehearsal = new Rehearsal(directory, prepared, images, needless, more);
        rehearsal.thread.start();
        return rehearsal;
    }

    private void run() {
        try {
            Thread.sleep(DELAY);
            long start = System.nanoTime();
            if (!needless.getAsBoolean()) {
                rehearse();
            }
            more.run();
            LOG.info("rehearsed in {} ms", (System.nanoTime() - start) / 1_000_000);
        } catch (InterruptedException _) {
            LOG.debug("no rehearsal: the daemon ends");
        } catch (IOException | RuntimeException e) {
            LOG.debug("the rehearsal failed", e);
        }
    }

    /** Plays a mount through, once. */
    void rehearse() throws IOException {
        delete(directory);
        Files.createDirectories(directory);
        try (EmbeddedRegistry registry = registry()) {
            ImageReference reference = reference(registry);
            if (prepared == null) {
                push(images.get(), reference, directory);
            }
            ImageOpener opener = new ImageOpener(images.get()::open, ImageStore.open(directory.resolve("images")));
            try (OpenedImage image = opener.open(reference, Platform.current())) {
                read(image);
            }
        } finally {
            delete(directory);
        }
    }

    private EmbeddedRegistry registry() throws IOException {
        return EmbeddedRegistry.start(
                prepared == null
                        ? EmbeddedRegistry.Options.inMemory()
                        : EmbeddedRegistry.Options.inDirectory(prepared));
    }

    private static ImageReference reference(EmbeddedRegistry registry) {
        return ImageReference.parse(registry.directHost() + "/rehearsal:1");
    }

    /** Makes the image beforehand, in a folder that may be read-only afterwards. */
    public static void prepare(Path folder) throws IOException {
        Files.createDirectories(folder);
        Path work = Files.createTempDirectory(folder, "work");
        try (EmbeddedRegistry registry = EmbeddedRegistry.start(EmbeddedRegistry.Options.inDirectory(folder));
                Images images = new Images(RegistryOptions.DEFAULTS)) {
            push(images, reference(registry), work);
        } finally {
            delete(work);
        }
    }

    private static void push(Images images, ImageReference reference, Path work) throws IOException {
        BuildOptions one = new BuildOptions(
                BuildOptions.DEFAULT_CHUNK_SIZE_BYTES,
                BuildOptions.DEFAULTS.codec(),
                BuildOptions.DEFAULTS.digestAlgorithm(),
                BuildOptions.DEFAULTS.level(),
                1);
        try (RehearsalImage source = new RehearsalImage(FOLDERS);
                ImageTarget target = images.target(reference)) {
            new ImageConverter(one, new ChunkDictionary(), List.of(), work, _ -> {}).convert(source, null, target);
        }
    }

    private void read(OpenedImage image) throws IOException {
        try (BlobStore store = BlobStore.open(BlobStore.Options.of(directory));
                FanotifyTransport transport = new FanotifyTransport(directory.resolve("inflight"))) {
            GuardedBlobs blobs = new GuardedBlobs(store, transport, new Fetching(FetchOptions.DEFAULTS));
            for (ImageDevice device : image.devices()) {
                if (device instanceof ImageDevice.Lazy lazy) {
                    GuardedBlobs.Use use = blobs.acquire(lazy);
                    try {
                        readPages(use.blob().cache().dataFile());
                    } finally {
                        blobs.release(use);
                    }
                }
            }
        }
    }

    /** As the kernel does for readers: a page is there, or an event brings it. */
    private static void readPages(Path file) throws IOException {
        ByteBuffer page = ByteBuffer.allocateDirect(PAGE_BYTES);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            for (long at = 0; at < channel.size(); at += PAGE_BYTES) {
                channel.read(page.clear(), at);
            }
        }
    }

    private static void delete(Path directory) throws IOException {
        if (Files.exists(directory)) {
            Folders.delete(directory);
        }
    }

    /** Breaks it off if it goes on, and waits for its end. */
    @Override
    public void close() {
        thread.interrupt();
        try {
            thread.join(Duration.ofSeconds(10));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
