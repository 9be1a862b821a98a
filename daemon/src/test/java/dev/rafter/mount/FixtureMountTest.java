package dev.rafter.mount;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
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
}
