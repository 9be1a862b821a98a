package dev.rafter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.rafter.api.MountRequest;
import dev.rafter.blob.BlobStore;
import dev.rafter.failure.FailureException;
import dev.rafter.fetch.FetchOptions;
import dev.rafter.fetch.Fetching;
import dev.rafter.image.ImageOpener;
import dev.rafter.image.ImageStore;
import dev.rafter.linux.fanotify.FanotifyTransport;
import dev.rafter.mount.MountManager;
import dev.rafter.oci.Descriptor;
import dev.rafter.oci.Digest;
import dev.rafter.oci.Manifest;
import dev.rafter.registry.ImageReference;
import dev.rafter.registry.ImageSource;
import dev.rafter.registry.Images;
import dev.rafter.registry.RegistryOptions;
import dev.rafter.snapshotter.ImageLayer;
import dev.rafter.snapshotter.Labels;
import dev.rafter.snapshotter.LazyImages;
import dev.rafter.snapshotter.SnapshotException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** How images that containerd's snapshots need come, are mounted, and go with all that they have brought. */
@Timeout(120)
class NodeImagesTest {
    private static final Path FIXTURES = Path.of(System.getProperty("rafter.shared"), "fixtures");
    private static final String FILE = "app/data/text";

    private final Images registries = new Images(RegistryOptions.DEFAULTS);
    private Path folder;
    private ImageStore store;
    private BlobStore blobs;
    private FanotifyTransport transport;
    private MountManager mounts;
    private NodeImages images;
    private Optional<String> lacking = Optional.empty();
    private boolean online = true;

    @BeforeEach
    void open() throws IOException {
        assumeTrue(Files.isDirectory(FIXTURES), "needs the fixtures at " + FIXTURES);
        assumeTrue("root".equals(System.getProperty("user.name")), "needs root");
        folder = Files.createTempDirectory(Path.of("target").toAbsolutePath(), "images");
        Files.createDirectories(folder.resolve("real"));
        Files.createSymbolicLink(folder.resolve("run"), folder.resolve("real"));
        store = ImageStore.open(folder.resolve("root/images"));
        blobs = BlobStore.open(BlobStore.Options.of(folder.resolve("root")));
        transport = new FanotifyTransport(folder.resolve("inflight"));
        mounts = MountManager.open(
                folder.resolve("root"),
                folder.resolve("run"),
                false,
                _ -> new ImageOpener(this::source, store),
                blobs,
                transport,
                new Fetching(FetchOptions.DEFAULTS));
        images = new NodeImages(
                new ImageOpener(this::source, store),
                store,
                blobs,
                mounts,
                new HeldImages(folder.resolve("root"), folder.resolve("run"), store, blobs, mounts),
                new NodeFitness(() -> lacking));
    }

    @AfterEach
    void close() throws IOException {
        if (folder != null) {
            mounts.stop();
            transport.close();
            blobs.close();
            registries.close();
            try (Stream<Path> files = Files.walk(folder)) {
                for (Path file : files.sorted((a, b) -> b.compareTo(a)).toList()) {
                    Files.delete(file);
                }
            }
        }
    }

    /** Every registry has the fixtures, by the names of their folders. */
    private ImageSource source(ImageReference reference) throws IOException {
        if (!online) {
            throw new IOException("the registry is gone");
        }
        return layout(reference.display().replaceAll("^.*/|[@:].*$", ""));
    }

    private ImageSource layout(String fixture) throws IOException {
        return registries.open(ImageReference.parse("oci:" + FIXTURES.resolve(fixture) + ":fixture"));
    }

    private ImageLayer lastLayer(String fixture) throws IOException {
        try (ImageSource source = layout(fixture)) {
            Descriptor descriptor = source.resolve();
            Manifest manifest = Manifest.parse(source.document(descriptor), fixture);
            return new ImageLayer(
                    "example.org/" + fixture + ":1",
                    descriptor.digest(),
                    manifest.layers().getLast().digest());
        }
    }

    private ImageLayer pull(String fixture) throws IOException {
        ImageLayer layer = lastLayer(fixture);
        assertTrue(images.decide(layer, Map.of(Labels.NYDUS_BOOTSTRAP, "true")) instanceof LazyImages.Decision.Lazy);
        images.hold(layer);
        return layer;
    }

    private List<String> list(String name) throws IOException {
        if (Files.notExists(folder.resolve(name))) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(folder.resolve(name))) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    private void assertNothingIsLeft() throws IOException {
        assertEquals(List.of(), list("root/images"));
        assertEquals(List.of(), list("root/blobs/sha256"));
        assertEquals(List.of(), list("root/pulled"));
        assertEquals(List.of(), list("run/images"));
    }

    private static void run(String... command) throws IOException, InterruptedException {
        assertEquals(0, new ProcessBuilder(command).inheritIO().start().waitFor());
    }

    @Test
    void whatIsNeededStaysAndWhatIsNotGoesWithAllThatItBrought() throws Exception {
        ImageLayer one = pull("rafs6-zstd");
        ImageLayer two = pull("rafs6-lz4");
        Files.readAllBytes(images.mount(one).resolve(FILE));
        Files.readAllBytes(images.mount(two).resolve(FILE));
        images.release(() -> Set.of(one.manifest(), two.manifest()));
        assertEquals(2, list("root/images").size());
        images.release(() -> Set.of(two.manifest()));
        assertEquals(List.of(two.manifest().hex()), list("root/images"));
        assertEquals(List.of(two.manifest().hex()), list("run/images"));
        Files.readAllBytes(images.mount(two).resolve("bin/sh"));
        images.release(Set::of);
        assertNothingIsLeft();
    }

    /** As a shell does that stands in it, or a file that nobody knows. */
    @Test
    void whatIsInTheWayOfOneImageIsInTheWayOfNoOther() throws Exception {
        ImageLayer busy = pull("rafs6-zstd");
        pull("rafs6-lz4");
        Files.createFile(folder.resolve("root/pulled/lost+found"));
        Process user = new ProcessBuilder("sleep", "60")
                .directory(images.mount(busy).toFile())
                .start();
        try {
            images.release(Set::of);
            assertEquals(List.of(busy.manifest().hex()), list("root/images"));
        } finally {
            user.destroyForcibly().waitFor();
        }
        images.release(Set::of);
        Files.delete(folder.resolve("root/pulled/lost+found"));
        assertNothingIsLeft();
    }

    @Test
    void whatIsStillReadFromGoesWhenThatEnds() throws Exception {
        ImageLayer layer = pull("rafs6-zstd");
        Path mount = images.mount(layer);
        try (InputStream open = Files.newInputStream(mount.resolve(FILE))) {
            run("umount", "--lazy", mount.toString());
            mounts.releaseUnmounted();
            images.release(Set::of);
            assertTrue(open.readAllBytes().length > 0);
        }
        mounts.releaseUnmounted();
        images.release(Set::of);
        assertNothingIsLeft();
    }

    @Test
    void whatIsAlsoMountedByHandGoesAfterThat() throws Exception {
        ImageLayer layer = pull("rafs6-zstd");
        images.mount(layer);
        Path target = folder.resolve("mnt");
        mounts.mount(new MountRequest(layer.reference(), target.toString(), null, null, List.of(), List.of(), null));
        images.release(Set::of);
        assertFalse(Files.readAllBytes(target.resolve(FILE)).length == 0);
        mounts.unmount(target.toString());
        mounts.releaseUnmounted();
        images.release(Set::of);
        assertNothingIsLeft();
    }

    /** Whoever is killed there leaves it to the next. */
    @Test
    void whatWasPutAsideAlreadyGoesWithItsBlobs() throws Exception {
        ImageLayer layer = pull("rafs6-zstd");
        Path mount = images.mount(layer);
        Files.readAllBytes(mount.resolve(FILE));
        mounts.unmount(mount.toString());
        store.putAside(layer.manifest());
        assertFalse(list("root/blobs/sha256").isEmpty());
        images.release(Set::of);
        assertNothingIsLeft();
    }

    /** Its document is still whole, and tells of its blobs. */
    @Test
    void aDamagedImageGoesWithItsBlobs() throws Exception {
        ImageLayer layer = pull("rafs6-zstd");
        Path mount = images.mount(layer);
        Files.readAllBytes(mount.resolve(FILE));
        mounts.unmount(mount.toString());
        Files.write(store.path(layer.manifest()).resolve("bootstrap.erofs"), new byte[4096]);
        online = false;
        assertThrows(IOException.class, () -> images.mount(layer));
        images.release(Set::of);
        assertNothingIsLeft();
    }

    @Test
    void whatIsNeededAgainAtTheLastMomentStays() throws Exception {
        ImageLayer layer = pull("rafs6-zstd");
        Deque<Set<Digest>> needed = new ArrayDeque<>(List.of(Set.of(), Set.of(layer.manifest())));
        images.release(needed::removeFirst);
        assertEquals(List.of(layer.manifest().hex()), list("root/images"));
    }

    @Test
    void whatWentBeforeASnapshotNeededItIsBroughtAgain() throws Exception {
        ImageLayer layer = pull("rafs6-zstd");
        images.release(Set::of);
        images.hold(layer);
        online = false;
        images.hold(layer);
        images.release(Set::of);
        assertNothingIsLeft();
    }

    @Test
    void aNodeThatCannotServeLazilyRefusesWithTheReason() throws Exception {
        lacking = Optional.of("guarded read: Linux 6.15 or newer is needed");
        ImageLayer layer = lastLayer("rafs6-zstd");
        IOException e = assertThrows(
                FailureException.class, () -> images.decide(layer, Map.of(Labels.NYDUS_BOOTSTRAP, "true")));
        assertTrue(String.valueOf(e.getMessage()).contains("Linux 6.15 or newer"), e::toString);
        assertTrue(images.decide(layer, Map.of()) instanceof LazyImages.Decision.Plain);
        lacking = Optional.empty();
        pull("rafs6-zstd");
    }

    @Test
    void aDaemonThatIsBeingStoppedMountsNothing() throws Exception {
        ImageLayer layer = pull("rafs6-zstd");
        images.mount(layer);
        mounts.refuse();
        SnapshotException e = assertThrows(SnapshotException.class, () -> images.mount(layer));
        assertEquals(SnapshotException.Code.UNAVAILABLE, e.code());
    }
}
