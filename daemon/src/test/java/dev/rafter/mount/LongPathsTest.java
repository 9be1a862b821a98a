package dev.rafter.mount;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.cli.CommandResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Paths that are longer than the 255 bytes that fsconfig(2) takes. */
@Timeout(120)
class LongPathsTest {
    private TestNode node;
    private Path deep;

    @BeforeEach
    void create() throws IOException {
        node = TestNode.create();
        deep = Files.createDirectories(node.folder().resolve("d".repeat(200)).resolve("e".repeat(200)));
    }

    @AfterEach
    void remove() throws IOException {
        if (node != null) {
            node.close();
        }
    }

    /** Lazily: the bootstrap and the cache files of all devices have such paths, and so has the target. */
    @Test
    void aCacheDirectoryMayBeDeep() throws IOException {
        Path target = deep.resolve("mnt");
        CommandResult mounted = CommandResult.of(
                "mount",
                "oci:" + TestNode.FIXTURES.resolve("rafs6-zstd") + ":fixture",
                target.toString(),
                "--root",
                deep.resolve("root").toString(),
                "--run",
                node.run().toString());
        assertEquals(0, mounted.exitCode(), mounted::toString);
        assertEquals(List.of(), new ExpectedTree(TestNode.FIXTURES, "rafs6-zstd").compare(target));
        node.must("umount", target.toString());
        assertTrue(Files.exists(target));
    }
}
