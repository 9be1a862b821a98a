package dev.rafter.mount;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.api.ApiClient;
import dev.rafter.registry.auth.CredentialSource;
import dev.rafter.registry.embedded.EmbeddedRegistry;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The daemon dies, or makes room for the next one, under mounts that are read from: no read is lost, and none is wrong. */
@Timeout(180)
class RestartTest {
    /** A file in the first layer's blob, one in the second's. */
    private static final String FILE = "/app/data/text";

    private static final String OTHER_FILE = "/bin/sh";

    private TestNode node;
    private EmbeddedRegistry registry;
    private TestProxy proxy;
    private Path target;
    private String image;
    private ExpectedTree expected;

    @BeforeEach
    void mountFromARegistry() throws IOException {
        node = TestNode.create();
        registry = EmbeddedRegistry.start(EmbeddedRegistry.Options.inDirectory(
                Files.createDirectory(node.folder().resolve("registry"))));
        proxy = new TestProxy(registry.address());
        target = node.folder().resolve("mnt");
        image = proxy.host() + "/app:1";
        expected = new ExpectedTree(TestNode.FIXTURES, "rafs6-chunk64k");
        TestNode.push("rafs6-chunk64k", image, CredentialSource.NONE);
        node.must("mount", image, target.toString());
    }

    @AfterEach
    void remove() throws IOException {
        if (node != null) {
            proxy.close();
            registry.close();
            node.close();
        }
    }

    private Path mounted(String path) {
        return target.resolve(path.substring(1));
    }

    private String read(String path) {
        try {
            return ExpectedTree.sha256(mounted(path));
        } catch (IOException e) {
            return e.toString();
        }
    }

    private long pid() throws IOException {
        return new ApiClient(node.run().resolve("rafter.sock")).status().pid();
    }

    private long kill() throws IOException {
        long pid = pid();
        ProcessHandle.of(pid).orElseThrow().destroyForcibly();
        return pid;
    }

    private void awaitDaemon() throws Exception {
        ApiClient client = new ApiClient(node.run().resolve("rafter.sock"));
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (!client.alive()) {
            assertTrue(System.nanoTime() < deadline, node.log());
            Thread.sleep(20);
        }
    }

    @Test
    void aReaderThatWaitsWhenTheDaemonIsKilledReadsOnWithTheNextOne() throws Exception {
        assertEquals(expected.sha256(FILE), read(FILE));
        proxy.cut();
        Future<String> reader = CompletableFuture.supplyAsync(() -> read(OTHER_FILE));
        awaitUnanswered();
        long killed = kill();
        proxy.mend();
        assertEquals(expected.sha256(OTHER_FILE), reader.get(60, TimeUnit.SECONDS));
        awaitDaemon();
        assertNotEquals(killed, pid());
        assertEquals(List.of(), expected.compare(target));
        assertTrue(node.rafter("mounts").out().contains(target.toString()), node.log());
        node.must("umount", target.toString());
    }

    /** The kernel itself wrote down who waits: until then a kill would prove nothing. */
    private void awaitUnanswered() throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (!hasUnanswered()) {
            assertTrue(System.nanoTime() < deadline, "a reader waits");
            Thread.sleep(5);
        }
    }

    private boolean hasUnanswered() throws IOException {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(node.run().resolve("inflight"))) {
            for (Path file : files) {
                for (byte b : Files.readAllBytes(file)) {
                    if (b != 0) {
                        return true;
                    }
                }
            }
        }
        return false;
    }

    @Test
    void killedAtAnyMomentUnderManyReadersItLosesNoRead() throws Exception {
        long seed = Long.getLong("test.seed", System.nanoTime());
        Random random = new Random(seed);
        List<Future<List<String>>> readers = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            readers.add(CompletableFuture.supplyAsync(() -> {
                try {
                    return expected.compare(target);
                } catch (IOException e) {
                    return List.of(e.toString());
                }
            }));
        }
        for (int i = 0; i < 6; i++) {
            Thread.sleep(random.nextInt(150));
            kill();
            awaitDaemon();
        }
        for (Future<List<String>> reader : readers) {
            assertEquals(List.of(), reader.get(60, TimeUnit.SECONDS), "-Dtest.seed=" + seed);
        }
    }

    @Test
    void restartedWithoutARegistryEverythingLocalIsThereAndTheRestComesWithTheRegistry() throws Exception {
        assertEquals(expected.sha256(FILE), read(FILE));
        proxy.cut();
        long old = pid();
        node.must("restart");
        assertNotEquals(old, pid());
        dropFromThePageCache(FILE);
        assertEquals(expected.sha256(FILE), read(FILE));
        proxy.mend();
        assertEquals(List.of(), expected.compare(target));
    }

    private void dropFromThePageCache(String path) throws Exception {
        run("dd", "if=" + mounted(path), "iflag=nocache", "count=0", "status=none");
    }

    @Test
    void whatAnOverlayReadsOfAnUnmountedImageIsStillFilledByTheNextDaemon() throws Exception {
        Path overlay = Files.createDirectories(node.folder().resolve("overlay"));
        Path other = Files.createDirectories(node.folder().resolve("other"));
        run("mount", "-t", "overlay", "overlay", "-o", "lowerdir=" + other + ":" + target, overlay.toString());
        try {
            node.must("umount", target.toString());
            kill();
            awaitDaemon();
            List<String> wrong = expected.compare(overlay).stream()
                    .filter(difference -> difference.contains("sha256"))
                    .toList();
            assertEquals(List.of(), wrong);
        } finally {
            run("umount", overlay.toString());
        }
    }

    /** EIO, not zeros. */
    @Test
    void ofAMountThatCannotBeTakenOverNoHoleIsRead() throws Exception {
        try (RandomAccessFile open = new RandomAccessFile(mounted(FILE).toFile(), "r")) {
            for (Path folder : list(node.root().resolve("images"))) {
                Files.writeString(folder.resolve("image.json"), "spoiled");
            }
            kill();
            awaitDaemon();
            assertEquals("Input/output error", firstBytes(open));
        }
        assertTrue(node.log().contains("cannot be taken over"), node.log());
        assertEquals("", node.rafter("mounts").out().lines().skip(1).reduce("", String::concat));
        kill();
        awaitDaemon();
    }

    /** One file of several: its guard must not end because the others' are known. */
    @Test
    void ofAFileThatCannotBeOpenedAgainNoHoleIsReadAndWhenItCanBeItIsMountedAgain() throws Exception {
        List<Path> spoiled = new ArrayList<>();
        try (RandomAccessFile open = new RandomAccessFile(mounted(FILE).toFile(), "r")) {
            for (Path folder : list(node.root().resolve("blobs/sha256"))) {
                spoiled.add(folder.resolve("ready"));
                Files.delete(spoiled.getLast());
                Files.createDirectories(spoiled.getLast().resolve("in-the-way"));
            }
            kill();
            awaitDaemon();
            assertEquals("Input/output error", firstBytes(open));
            for (Path folder : spoiled) {
                TestNode.delete(folder);
            }
            node.must("mount", image, target.toString());
            assertEquals(List.of(), expected.compare(target));
            assertEquals("bytes", firstBytes(open));
        }
        kill();
        awaitDaemon();
        assertEquals(List.of(), expected.compare(target));
        node.must("umount", target.toString());
    }

    private static String firstBytes(RandomAccessFile open) {
        try {
            byte[] bytes = new byte[4096];
            open.seek(0);
            open.readFully(bytes);
            return Arrays.equals(bytes, new byte[4096]) ? "zeros" : "bytes";
        } catch (IOException e) {
            return String.valueOf(e.getMessage());
        }
    }

    /** Whoever deletes the cache under a mount gets errors, not zeros out of a file that nobody fills. */
    @Test
    void ofAFileThatWasReplacedNoHoleIsRead() throws Exception {
        try (RandomAccessFile open = new RandomAccessFile(mounted(FILE).toFile(), "r")) {
            TestNode.delete(node.root().resolve("blobs"));
            kill();
            awaitDaemon();
            assertEquals("Input/output error", firstBytes(open));
        }
    }

    /** It has taken everything over, and dies of something else: what it held is the next one's. */
    @Test
    void aDaemonThatCannotServeTakesNothingWithIt() throws Exception {
        node.must("stop");
        node.configure("");
        node.must("mount", image, target.toString());
        Path inTheWay = Files.createFile(node.folder().resolve("file"));
        node.configure("[snapshotter]\nsocket = \"" + inTheWay.resolve("socket") + "\"\n");
        kill();
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!node.log().contains("starting it again in ")) {
            assertTrue(System.nanoTime() < deadline, node.log());
            Thread.sleep(20);
        }
        node.configure("");
        awaitDaemon();
        assertEquals(List.of(), expected.compare(target));
    }

    @Test
    void whatIsMissingIsFetchedFromWhereTheMountWasAskedFor() throws Exception {
        node.must("umount", target.toString());
        node.must("mount", registry.host() + "/app:1", target.toString());
        proxy.cut();
        node.must("restart");
        assertEquals(List.of(), expected.compare(target));
        node.must("umount", target.toString());
    }

    /** Nothing is known of its mount then: EIO, not zeros, and a daemon that starts. */
    @Test
    void aRecordThatIsSpoiledKeepsNoDaemonFromStarting() throws Exception {
        try (RandomAccessFile open = new RandomAccessFile(mounted(FILE).toFile(), "r")) {
            Files.write(list(node.run().resolve("mounts")).getFirst(), new byte[0]);
            for (int i = 0; i < 2; i++) {
                kill();
                awaitDaemon();
                assertEquals("Input/output error", firstBytes(open));
            }
        }
        run("umount", target.toString());
        node.must("mount", image, target.toString());
        assertEquals(List.of(), expected.compare(target));
    }

    private static List<Path> list(Path folder) throws IOException {
        List<Path> found = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
            entries.forEach(found::add);
        }
        return found;
    }

    @Test
    void aDaemonThatIsStoppedAfterARestartLeavesNothingBehind() throws Exception {
        node.must("restart");
        node.must("stop");
        assertTrue(MountInfo.at(target).isEmpty());
        assertEquals(List.of(), list(node.run().resolve("inflight")));
        assertEquals(List.of(), list(node.run().resolve("mounts")));
        node.must("mount", image, target.toString());
        assertEquals(List.of(), expected.compare(target));
    }

    private static void run(String... command) throws Exception {
        Process process = new ProcessBuilder(command).inheritIO().start();
        assertTrue(process.waitFor(20, TimeUnit.SECONDS), command[0] + " ends");
        assertEquals(0, process.exitValue(), command[0]);
    }
}
