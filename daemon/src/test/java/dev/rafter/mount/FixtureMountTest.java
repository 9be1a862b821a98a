package dev.rafter.mount;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.rafter.cli.Main;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Images that the reference tools made, mounted lazily by the daemon: the tree is the expected one, also after a stop, from disk alone. */
@Timeout(120)
final class FixtureMountTest {
    private static final Path FIXTURES = Path.of(System.getProperty("rafter.shared"), "fixtures");

    private Path node;

    @BeforeEach
    void newNode() throws IOException {
        assumeTrue(Files.isDirectory(FIXTURES), "needs the fixtures at " + FIXTURES);
        assumeTrue("root".equals(System.getProperty("user.name")), "needs root");
        node = Files.createTempDirectory(Path.of("target").toAbsolutePath(), "node");
    }

    @AfterEach
    void stop() throws IOException {
        if (node == null) {
            return;
        }
        if (Files.exists(node.resolve("run/rafter.sock"))) {
            assertEquals(0, rafter("stop"), () -> "log: " + log());
        }
        try (Stream<Path> files = Files.walk(node)) {
            for (Path file : files.sorted((a, b) -> b.compareTo(a)).toList()) {
                Files.delete(file);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "rafs6-zstd",
                "rafs6-lz4",
                "rafs6-none",
                "rafs6-batch",
                "rafs6-chunk64k",
                "rafs6-sha256",
                "rafs6-prefetch",
                "rafs6-dict"
            })
    void aLazyMountShowsTheExpectedTree(String fixture) throws Exception {
        Path copy = node.resolve("layout");
        copy(FIXTURES.resolve(fixture), copy);
        Path target = node.resolve("mnt");
        String image = "oci:" + copy + ":fixture";
        assertEquals(0, rafter("mount", image, target.toString()), () -> "log: " + log());
        ExpectedTree.assertSame(FIXTURES, fixture, target);
        assertEquals(0, rafter("umount", target.toString()), () -> "log: " + log());
        assertEquals(0, rafter("stop"));
    }

    private int rafter(String... arguments) {
        String[] all = Stream.concat(
                        Stream.of(arguments),
                        Stream.of(
                                "--root",
                                node.resolve("root").toString(),
                                "--run",
                                node.resolve("run").toString()))
                .toArray(String[]::new);
        return Main.run(all);
    }

    private String log() {
        try {
            return Files.readString(node.resolve("run/daemon.log"));
        } catch (IOException e) {
            return e.toString();
        }
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.toList()) {
                Files.copy(file, to.resolve(from.relativize(file)));
            }
        }
        assertTrue(Files.isDirectory(to));
    }
}
