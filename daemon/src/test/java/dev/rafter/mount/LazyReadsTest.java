package dev.rafter.mount;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.cli.CommandResult;
import dev.rafter.registry.auth.CredentialSource;
import dev.rafter.registry.embedded.EmbeddedRegistry;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Reads through a lazy mount while the registry is there, gone, and wrong. */
@Timeout(120)
class LazyReadsTest {
    /** A file in the first layer's blob, one in the second's, one in the third's. */
    private static final String FILE = "/app/data/text";

    private static final String OTHER_FILE = "/bin/sh";

    private TestNode node;
    private Path storage;
    private EmbeddedRegistry registry;
    private TestProxy proxy;
    private Path target;
    private String image;
    private ExpectedTree expected;

    @BeforeEach
    void mountFromARegistry() throws IOException {
        node = TestNode.create();
        storage = Files.createDirectory(node.folder().resolve("registry"));
        registry = EmbeddedRegistry.start(EmbeddedRegistry.Options.inDirectory(storage));
        proxy = new TestProxy(registry.address());
        target = node.folder().resolve("mnt");
        image = proxy.host() + "/app:1";
        expected = new ExpectedTree(TestNode.FIXTURES, "rafs6-chunk64k");
        TestNode.push("rafs6-chunk64k", image, CredentialSource.NONE);
    }

    @AfterEach
    void remove() throws IOException {
        if (node != null) {
            proxy.close();
            registry.close();
            node.close();
        }
    }

    private void mount() {
        node.must("mount", image, target.toString());
    }

    private void assertReads(String path) throws IOException {
        assertEquals(expected.sha256(path), ExpectedTree.sha256(target.resolve(path.substring(1))));
    }

    private IOException assertFailsToRead(String path) {
        return assertThrows(IOException.class, () -> ExpectedTree.sha256(target.resolve(path.substring(1))));
    }

    private double metric(String name) throws IOException {
        return node.metrics()
                .lines()
                .filter(line -> line.startsWith(name + " "))
                .mapToDouble(line -> Double.parseDouble(line.substring(name.length() + 1)))
                .sum();
    }

    @Test
    void aRegistryThatGoesAwayIsAnErrorByTheDeadlineAndComesBack() throws Exception {
        node.configure("[demand]\ntimeout = \"4s\"\n");
        mount();
        assertReads(FILE);
        proxy.cut();
        long start = System.nanoTime();
        assertTrue(String.valueOf(assertFailsToRead(OTHER_FILE).getMessage()).contains("Input/output error"));
        Duration waited = Duration.ofNanos(System.nanoTime() - start);
        // The kernel asks once more, for a page alone, after a readahead was denied; that does not take as long again.
        assertTrue(waited.compareTo(Duration.ofSeconds(6)) < 0, () -> waited + "\n" + node.log());
        assertReads(FILE);
        assertTrue(node.log().contains("gets EIO"), node.log());
        proxy.mend();
        Thread.sleep(1_500); // who asks again at once is told the same
        assertReads(OTHER_FILE);
        assertEquals(List.of(), expected.compare(target));
    }

    @Test
    void aCorruptedChunkIsAnErrorForItsReadersAloneAndNeverCached() throws Exception {
        mount();
        Path blob = largestBlob();
        byte[] sound = Files.readAllBytes(blob);
        byte[] spoiled = sound.clone();
        for (int i = 0; i < 2000; i++) {
            spoiled[i] ^= 1;
        }
        Files.write(blob, spoiled);
        List<String> wrong =
                expected.files().stream().filter(this::cannotBeRead).toList();
        assertTrue(!wrong.isEmpty() && wrong.size() < 20, wrong::toString);
        assertTrue(node.log().contains(blob.getFileName().toString()), node.log());
        assertTrue(metric("rafter_chunks_corrupt_total") > 0);
        Files.write(blob, sound);
        Thread.sleep(2_000); // what came wrong twice is not asked for again at once
        for (String path : wrong) {
            assertReads(path);
        }
        assertEquals(List.of(), expected.compare(target));
    }

    private boolean cannotBeRead(String path) {
        try {
            return !expected.sha256(path).equals(ExpectedTree.sha256(ExpectedTree.resolve(target, path)));
        } catch (IOException _) {
            return true;
        }
    }

    private Path largestBlob() throws IOException {
        Path largest = storage;
        try (DirectoryStream<Path> blobs = Files.newDirectoryStream(storage.resolve("blobs/sha256"))) {
            for (Path blob : blobs) {
                largest = largest.equals(storage) || Files.size(blob) > Files.size(largest) ? blob : largest;
            }
        }
        return largest;
    }

    @Test
    void whatIsOnDiskIsNotFetchedAgainNeitherAfterAnUnmountNorAfterAStop() throws IOException {
        mount();
        assertEquals(List.of(), expected.compare(target));
        node.must("umount", target.toString());
        node.must("mount", image, target.toString());
        assertEquals(List.of(), expected.compare(target));
        node.must("stop");
        mount();
        proxy.cut();
        assertEquals(List.of(), expected.compare(target));
        assertEquals(0, metric("rafter_fetched_bytes_total"));
        assertTrue(
                node.rafter("mounts").out().contains("\tcomplete\t"),
                node.rafter("mounts").out());
    }

    @Test
    void filledInTheBackgroundItIsCompleteWithoutAReader() throws Exception {
        node.must("mount", "--fill", image, target.toString());
        long deadline = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        while (!node.rafter("mounts").out().contains("\tcomplete\t")) {
            assertTrue(System.nanoTime() < deadline, node.rafter("mounts").out());
            Thread.sleep(50);
        }
        proxy.cut();
        assertEquals(List.of(), expected.compare(target));
    }

    @Test
    void twoDaemonsLiveSideBySide() throws IOException {
        try (TestNode other = TestNode.create()) {
            Path otherTarget = other.folder().resolve("mnt");
            mount();
            other.must("mount", image, otherTarget.toString());
            assertEquals(List.of(), expected.compare(target));
            assertEquals(List.of(), expected.compare(otherTarget));
            node.must("stop");
            assertEquals(List.of(), expected.compare(otherTarget));
            CommandResult second = CommandResult.of(
                    "daemon",
                    "--root",
                    other.root().toString(),
                    "--run",
                    node.run().toString());
            assertEquals(1, second.exitCode());
            assertTrue(second.err().contains("another daemon serves " + other.root()), second.err());
        }
    }

    @Test
    void twoMountsShareOneCopyAndEachMayGoFirst() throws IOException {
        Path second = node.folder().resolve("second");
        mount();
        node.must("mount", image, second.toString());
        assertEquals(List.of(), expected.compare(target));
        double fetched = metric("rafter_fetched_bytes_total");
        node.must("umount", target.toString());
        assertEquals(List.of(), expected.compare(second));
        assertEquals(fetched, metric("rafter_fetched_bytes_total"));
    }
}
