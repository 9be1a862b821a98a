package dev.rafter.mount;

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
import dev.rafter.linux.Mounts;
import dev.rafter.linux.fanotify.FanotifyTransport;
import dev.rafter.oci.Digest;
import dev.rafter.registry.ImageReference;
import dev.rafter.registry.ImageSource;
import dev.rafter.registry.Images;
import dev.rafter.registry.RegistryOptions;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What is mounted, what lingers, and how it ends, by the part of a daemon that mounts. */
@Timeout(120)
class MountManagerTest {
    private static final String IMAGE = "oci:" + TestNode.FIXTURES.resolve("rafs6-chunk64k") + ":fixture";

    private final Images images = new Images(RegistryOptions.DEFAULTS);
    /** What the image's source waits for before it is opened. */
    private volatile CountDownLatch hurdle = new CountDownLatch(0);

    private final CountDownLatch atTheHurdle = new CountDownLatch(1);
    private Path folder;
    private Path target;
    private BlobStore blobs;
    private FanotifyTransport transport;
    private MountManager manager;

    @BeforeEach
    void open() throws IOException {
        assumeTrue(Files.isDirectory(TestNode.FIXTURES), "needs the fixtures at " + TestNode.FIXTURES);
        assumeTrue("root".equals(System.getProperty("user.name")), "needs root");
        folder = Files.createTempDirectory(Path.of("target").toAbsolutePath(), "mounts");
        target = folder.resolve("mnt");
        blobs = BlobStore.open(BlobStore.Options.of(root()));
        transport = new FanotifyTransport(folder.resolve("inflight"));
        manager = manager();
    }

    @AfterEach
    void close() throws Exception {
        if (folder != null) {
            run("umount", "--quiet", "--lazy", "--all-targets", "--recursive", target.toString());
            transport.close();
            blobs.close();
            images.close();
            TestNode.delete(folder);
        }
    }

    private Path root() {
        return folder.resolve("root");
    }

    private MountManager manager() throws IOException {
        ImageStore store = ImageStore.open(root().resolve("images"));
        return MountManager.open(
                root(),
                folder.resolve("run"),
                false,
                _ -> new ImageOpener(this::source, store),
                blobs,
                transport,
                new Fetching(FetchOptions.DEFAULTS));
    }

    private ImageSource source(ImageReference reference) throws IOException {
        try {
            atTheHurdle.countDown();
            assertTrue(hurdle.await(60, TimeUnit.SECONDS));
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
        return images.open(reference);
    }

    private static MountRequest request(String image, Path directory) {
        return new MountRequest(image, directory.toString(), null, null, List.of(), List.of(), null);
    }

    private void mount() throws IOException {
        manager.mount(request(IMAGE, target));
    }

    private boolean isMounted() throws IOException {
        return MountInfo.at(target).isPresent();
    }

    private static int run(String... command) throws IOException, InterruptedException {
        return new ProcessBuilder(command).inheritIO().start().waitFor();
    }

    private Path plainErofs() throws IOException {
        Path file = folder.resolve("plain.erofs");
        try (InputStream in = new GZIPInputStream(
                Files.newInputStream(TestNode.FIXTURES.resolve("erofs").resolve("plain.erofs.gz")))) {
            Files.copy(in, file);
        }
        return file;
    }

    @FunctionalInterface
    private interface Call {
        void run() throws IOException;
    }

    private static CompletableFuture<Void> start(Call call) {
        return CompletableFuture.runAsync(
                () -> {
                    try {
                        call.run();
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                },
                task -> Thread.ofVirtual().start(task));
    }

    private void awaitRefusal() throws Exception {
        Path other = folder.resolve("other");
        while (true) {
            try {
                manager.mount(request("erofs:" + folder.resolve("nothing"), other));
            } catch (StoppingException _) {
                return;
            } catch (IOException _) {
                Thread.sleep(10);
            }
        }
    }

    @Test
    void aMountThatIsBeingMadeWhileTheDaemonIsStoppedIsUnmountedBeforeItEnds() throws Exception {
        hurdle = new CountDownLatch(1);
        CompletableFuture<Void> mounting = start(this::mount);
        atTheHurdle.await();
        CompletableFuture<Void> stopping = start(manager::stop);
        awaitRefusal();
        assertFalse(stopping.isDone());
        hurdle.countDown();
        mounting.get(60, TimeUnit.SECONDS);
        stopping.get(60, TimeUnit.SECONDS);
        assertFalse(isMounted());
        assertThrows(StoppingException.class, this::mount);
    }

    @Test
    void aStopThatFailsLetsOthersMountAgain() throws Exception {
        mount();
        Process user =
                new ProcessBuilder("sleep", "60").directory(target.toFile()).start();
        try {
            assertThrows(FailureException.class, manager::stop);
            Path other = folder.resolve("other");
            manager.mount(request(IMAGE, other));
            manager.unmount(other.toString());
            manager.refuse();
            assertThrows(FailureException.class, manager::stop);
            assertThrows(StoppingException.class, () -> manager.mount(request(IMAGE, other)));
        } finally {
            user.destroyForcibly().waitFor();
        }
        manager.stop();
        assertFalse(isMounted());
    }

    @Test
    void whatAnOverlayIsOverIsNotUnmountedByAStop() throws Exception {
        mount();
        Path lower = Files.createDirectories(folder.resolve("lower"));
        Path overlay = Files.createDirectories(folder.resolve("overlay"));
        assertEquals(
                0,
                run("mount", "-t", "overlay", "overlay", "-o", "lowerdir=" + lower + ":" + target, overlay.toString()));
        try {
            IOException e = assertThrows(FailureException.class, manager::stop);
            assertTrue(String.valueOf(e.getMessage()).contains(overlay.toString()), e::toString);
            assertTrue(isMounted());
        } finally {
            run("umount", overlay.toString());
        }
        manager.stop();
        assertFalse(isMounted());
    }

    @Test
    void whoIsToldOfAMountHasTimeToUseItBeforeItIsTakenAway() throws Exception {
        manager.keepMounted(request(IMAGE, target));
        CompletableFuture<Void> stopping = start(manager::stop);
        awaitRefusal();
        assertTrue(isMounted());
        stopping.get(60, TimeUnit.SECONDS);
        assertFalse(isMounted());
    }

    @Test
    void aMountThatCannotBeLetGoOfIsNotForgotten() throws Exception {
        mount();
        Path bootstrap = Path.of(MountInfo.at(target).orElseThrow().source());
        Path elsewhere = Files.move(bootstrap, folder.resolve("moved"));
        assertThrows(IOException.class, () -> manager.unmount(target.toString()));
        assertEquals(List.of(target), manager.lingering());
        assertThrows(FailureException.class, manager::stop);
        Files.move(elsewhere, bootstrap);
        manager.releaseUnmounted();
        assertEquals(List.of(), manager.lingering());
        manager.stop();
    }

    @Test
    void anImageIsInUseWhileItIsMountedAndWhileItIsStillReadFrom() throws Exception {
        mount();
        Digest image = Digest.parse(manager.mounts().getFirst().digest());
        assertFalse(manager.ifUnused(image, () -> {
            throw new IOException("it is mounted");
        }));
        try (InputStream open = Files.newInputStream(target.resolve("app/data/text"))) {
            assertEquals(0, run("umount", "--lazy", target.toString()));
            manager.releaseUnmounted();
            assertFalse(manager.ifUnused(image, () -> {
                throw new IOException("it is read from");
            }));
            assertTrue(open.read() >= 0);
        }
        manager.releaseUnmounted();
        assertTrue(manager.ifUnused(image, () -> {}));
    }

    @Test
    void anImageIsInUseWhileSomethingIsBeingMounted() throws Exception {
        hurdle = new CountDownLatch(1);
        CompletableFuture<Void> mounting = start(this::mount);
        atTheHurdle.await();
        assertFalse(manager.ifUnused(Digest.sha256(new byte[0]), () -> {
            throw new IOException("a mount is being made");
        }));
        hurdle.countDown();
        mounting.get(60, TimeUnit.SECONDS);
        manager.unmount(target.toString());
    }

    @Test
    void whatWasUnmountedByHandIsMountedAgainForTheNextUser() throws Exception {
        manager.keepMounted(request(IMAGE, target));
        assertEquals(0, run("umount", target.toString()));
        manager.keepMounted(request(IMAGE, target));
        assertTrue(isMounted());
        assertEquals(1, manager.mounts().size());
        manager.stop();
    }

    @Test
    void whatSomebodyElseHasMountedThereIsNotOurs() throws Exception {
        mount();
        assertEquals(0, run("umount", target.toString()));
        Path theirs = plainErofs();
        Mounts.mountErofs(theirs, List.of(), target);
        manager.releaseUnmounted();
        manager.unmount(target.toString());
        assertEquals(theirs.toString(), MountInfo.at(target).orElseThrow().source());
        assertEquals(List.of(), manager.mounts());
    }

    /** It has no holes: all that it needs is in the kernel, even when its file is gone. */
    @Test
    void aPlainErofsImageIsTakenOver() throws Exception {
        Path file = plainErofs();
        manager.mount(request("erofs:" + file, target));
        Files.delete(file);
        manager = manager();
        assertTrue(isMounted());
        assertEquals(1, manager.mounts().size());
        manager.unmount(target.toString());
        assertEquals(List.of(), manager.lingering());
    }
}
