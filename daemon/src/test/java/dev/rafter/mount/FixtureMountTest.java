package dev.rafter.mount;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Images that the reference tools made, mounted lazily by the daemon: the tree is the expected one. */
@Timeout(120)
final class FixtureMountTest {
    private static TestNode node;

    @BeforeAll
    static void startNode() throws IOException {
        node = TestNode.create();
    }

    @AfterAll
    static void removeNode() throws IOException {
        if (node != null) {
            node.close();
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
    void aLazyMountShowsTheExpectedTree(String fixture) throws IOException {
        Path target = node.folder().resolve("mnt");
        node.must("mount", "oci:" + TestNode.FIXTURES.resolve(fixture) + ":fixture", target.toString());
        ExpectedTree.assertSame(TestNode.FIXTURES, fixture, target);
        node.must("umount", target.toString());
    }

    /** An overlay lives on when what is below it is unmounted: it must not see holes. */
    @Test
    void whatAnOverlayReadsAfterTheUnmountIsStillFilled() throws Exception {
        String fixture = "rafs6-lz4";
        Path target = node.folder().resolve("below");
        node.must("mount", "oci:" + TestNode.FIXTURES.resolve(fixture) + ":fixture", target.toString());
        Path overlay = Files.createDirectories(node.folder().resolve("overlay"));
        Path other = Files.createDirectories(node.folder().resolve("other"));
        run("mount", "-t", "overlay", "overlay", "-o", "lowerdir=" + other + ":" + target, overlay.toString());
        try {
            node.must("umount", target.toString());
            ExpectedTree paths = new ExpectedTree(TestNode.FIXTURES, fixture);
            List<String> wrong = paths.compare(overlay).stream()
                    .filter(difference -> difference.contains("sha256"))
                    .toList();
            assertEquals(List.of(), wrong);
        } finally {
            run("umount", overlay.toString());
        }
    }

    private static void run(String... command) throws Exception {
        Process process = new ProcessBuilder(command).inheritIO().start();
        assertTrue(process.waitFor(20, TimeUnit.SECONDS), command[0] + " ends");
        assertEquals(0, process.exitValue(), command[0]);
    }
}
