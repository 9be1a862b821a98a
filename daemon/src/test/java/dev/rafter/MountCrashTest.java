package dev.rafter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.rafter.api.MountRequest;
import dev.rafter.blob.BlobStore;
import dev.rafter.fdstore.FdStore;
import dev.rafter.fetch.FetchOptions;
import dev.rafter.fetch.Fetching;
import dev.rafter.image.ImageOpener;
import dev.rafter.image.ImageStore;
import dev.rafter.linux.Fd;
import dev.rafter.linux.KernelException;
import dev.rafter.linux.fanotify.FanotifyTransport;
import dev.rafter.mount.MountManager;
import dev.rafter.oci.Digest;
import dev.rafter.registry.Images;
import dev.rafter.registry.RegistryOptions;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.opentest4j.AssertionFailedError;

/**
 * A daemon that dies before or after any message to whoever keeps its descriptors, while it mounts and unmounts: the next one serves what
 * is mounted, has nothing that is not, and leaves nothing behind. Dying is standing still for ever.
 */
@Timeout(300)
class MountCrashTest {
    private static final Path FIXTURES = Path.of(System.getProperty("rafter.shared"), "fixtures");
    private static final String IMAGE = "oci:" + FIXTURES.resolve("rafs6-chunk64k") + ":fixture";

    private final Images images = new Images(RegistryOptions.DEFAULTS);
    private final List<FanotifyTransport> transports = new ArrayList<>();
    private Path folder;
    private Path target;
    private Map<String, Fd> kept = new HashMap<>();

    /** What one life sees of the descriptors that are kept; it ends at a step. */
    private static final class Store implements FdStore {
        private final Map<String, Fd> kept;
        private final Map<String, Fd> left;
        private final int lastStep;
        private final CountDownLatch dead = new CountDownLatch(1);
        private int steps;

        Store(Map<String, Fd> kept, int lastStep) {
            this.kept = kept;
            this.left = new HashMap<>(kept);
            this.lastStep = lastStep;
        }

        private void step() {
            if (++steps == lastStep) {
                dead.countDown();
                while (true) {
                    LockSupport.park();
                }
            }
        }

        @Override
        public synchronized Optional<Fd> take(String name) {
            try {
                Fd fd = left.remove(name);
                return fd == null ? Optional.empty() : Optional.of(fd.duplicate());
            } catch (KernelException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public synchronized Set<String> left() {
            return Set.copyOf(left.keySet());
        }

        @Override
        public synchronized boolean keeps(String name) {
            return kept.containsKey(name);
        }

        @Override
        public synchronized void keep(String name, Fd fd) throws IOException {
            step();
            kept.put(name, fd.duplicate());
            step();
        }

        @Override
        public synchronized void forget(String name) {
            step();
            Optional.ofNullable(kept.remove(name)).ifPresent(Fd::close);
            step();
        }

        @Override
        public void settle() {
            step();
        }

        @Override
        public void ready() {}

        @Override
        public boolean outlivesThisProcess() {
            return true;
        }
    }

    @BeforeEach
    void prepare() throws IOException {
        assumeTrue(Files.isDirectory(FIXTURES), "needs the fixtures at " + FIXTURES);
        assumeTrue("root".equals(System.getProperty("user.name")), "needs root");
        folder = Files.createTempDirectory(Path.of("target").toAbsolutePath(), "crash");
        target = folder.resolve("mnt");
    }

    @AfterEach
    void remove() throws Exception {
        transports.forEach(FanotifyTransport::close);
        images.close();
        if (folder != null) {
            new ProcessBuilder("umount", "--quiet", String.valueOf(target))
                    .start()
                    .waitFor();
            delete(folder);
        }
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted((a, b) -> b.compareTo(a)).toList()) {
                Files.delete(file);
            }
        }
    }

    private Path run() {
        return folder.resolve("run");
    }

    /** The part of a daemon that mounts. */
    private MountManager manager(Store store) throws IOException {
        Path root = folder.resolve("root");
        ImageStore imageStore = ImageStore.open(root.resolve("images"));
        KeptCacheFiles cacheFiles = new KeptCacheFiles(store);
        BlobStore blobs = BlobStore.open(BlobStore.Options.of(root).withOpener(cacheFiles));
        FanotifyTransport transport = new FanotifyTransport(run().resolve("inflight"), store, () -> {});
        transports.add(transport);
        MountManager manager = MountManager.open(
                root,
                run(),
                false,
                _ -> new ImageOpener(images::open, imageStore),
                blobs,
                transport,
                new Fetching(FetchOptions.DEFAULTS));
        cacheFiles.forgetLeft();
        return manager;
    }

    private void mount(MountManager manager) throws IOException {
        mount(manager, target);
    }

    private static void mount(MountManager manager, Path directory) throws IOException {
        manager.mount(new MountRequest(IMAGE, directory.toString(), null, null, List.of(), List.of(), null));
    }

    private boolean isMounted() throws IOException {
        return Files.readString(Path.of("/proc/self/mountinfo")).contains(" " + target + " ");
    }

    /** Names of files, and their bytes. */
    private Map<String, String> read() throws IOException {
        Map<String, String> read = new TreeMap<>();
        try (Stream<Path> files = Files.walk(target)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                read.put(
                        target.relativize(file).toString(),
                        Digest.sha256(Files.readAllBytes(file)).hex());
            }
        }
        return read;
    }

    private static List<String> list(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(file -> file.getFileName().toString()).toList();
        }
    }

    /** A life that may end before its time; false if it did not. */
    private boolean live(int lastStep) throws Exception {
        Store store = new Store(kept, lastStep);
        CompletableFuture<Void> life = new CompletableFuture<>();
        Thread.ofPlatform().daemon().start(() -> {
            try {
                MountManager manager = manager(store);
                mount(manager);
                try (Stream<Path> some = Files.walk(target)) {
                    Files.readAllBytes(
                            some.filter(Files::isRegularFile).findFirst().orElseThrow());
                }
                manager.unmount(target.toString());
                life.complete(null);
            } catch (Throwable e) {
                life.completeExceptionally(e);
            }
        });
        Thread.ofPlatform().daemon().start(() -> {
            try {
                store.dead.await();
                life.complete(null);
            } catch (InterruptedException e) {
                life.completeExceptionally(e);
            }
        });
        life.get(60, TimeUnit.SECONDS);
        transports.removeLast().close();
        return store.dead.getCount() == 0;
    }

    /** Another life, which comes to its end in order. */
    private void assertWhole(Map<String, String> expected) throws IOException {
        Store store = new Store(kept, 0);
        MountManager next = manager(store);
        assertEquals(isMounted() ? 1 : 0, next.mounts().size());
        if (!isMounted()) {
            next.releaseUnmounted();
            assertEquals(List.of(), next.lingering());
            mount(next);
        }
        assertEquals(expected, read());
        next.unmount(target.toString());
        assertTrue(!isMounted());
        assertNothingIsLeft();
        die();
    }

    @Test
    void whereverItDiesTheNextOneServesWhatIsMountedAndLeavesNothing() throws Exception {
        Map<String, String> expected = readOnce();
        boolean died = true;
        int steps = 0;
        while (died) {
            steps++;
            begin("mnt" + steps);
            died = live(steps);
            try {
                assertWhole(expected);
            } catch (AssertionError | IOException e) {
                throw new AssertionFailedError("after step " + steps, e);
            }
        }
        assertTrue(steps > 10, steps + " steps");
    }

    /** A node that has nothing. */
    private void begin(String mountPoint) throws IOException {
        for (Path old : List.of(folder.resolve("root"), run())) {
            if (Files.exists(old)) {
                delete(old);
            }
        }
        target = folder.resolve(mountPoint);
        kept = new HashMap<>();
    }

    private Map<String, String> readOnce() throws IOException {
        begin("first");
        MountManager manager = manager(new Store(kept, 0));
        mount(manager);
        Map<String, String> read = read();
        manager.unmount(target.toString());
        return read;
    }

    private void die() {
        transports.removeLast().close();
    }

    private static void unmountByHand(Path directory) throws Exception {
        Process process = new ProcessBuilder("umount", "--lazy", directory.toString())
                .inheritIO()
                .start();
        assertEquals(0, process.waitFor());
    }

    private void assertNothingIsLeft() throws IOException {
        assertEquals(Set.of(), kept.keySet());
        assertEquals(List.of(), list(run().resolve("inflight")));
        assertEquals(List.of(), list(run().resolve("mounts")));
    }

    @Test
    void ofTwoMountsOfOneImageOneIsTakenAwayByHandWhileNoDaemonIsThere() throws Exception {
        Map<String, String> expected = readOnce();
        begin("mnt");
        Path other = folder.resolve("other");
        MountManager dead = manager(new Store(kept, 0));
        mount(dead);
        mount(dead, other);
        die();
        unmountByHand(other);
        MountManager next = manager(new Store(kept, 0));
        assertEquals(1, next.mounts().size());
        next.releaseUnmounted();
        assertEquals(expected, read());
        next.unmount(target.toString());
        next.releaseUnmounted();
        assertEquals(List.of(), next.lingering());
        assertNothingIsLeft();
    }

    @Test
    void mountedAgainWhereAnOlderMountIsStillReadFromBothAreServedByTheNextDaemon() throws Exception {
        Map<String, String> expected = readOnce();
        String file = expected.keySet().iterator().next();
        begin("mnt");
        MountManager dead = manager(new Store(kept, 0));
        mount(dead);
        MountManager next;
        try (InputStream open = Files.newInputStream(target.resolve(file))) {
            unmountByHand(target);
            dead.unmount(target.toString());
            assertEquals(List.of(target), dead.lingering());
            mount(dead);
            die();
            next = manager(new Store(kept, 0));
            assertEquals(List.of(target), next.lingering());
            assertEquals(1, next.mounts().size());
            next.unmount(target.toString());
            next.releaseUnmounted();
            assertEquals(expected.get(file), Digest.sha256(open.readAllBytes()).hex());
            mount(next);
            assertEquals(expected, read());
        }
        next.unmount(target.toString());
        next.releaseUnmounted();
        assertEquals(List.of(), next.lingering());
        assertNothingIsLeft();
    }
}
