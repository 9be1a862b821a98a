package dev.rafter.mount;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Somebody unmounts by umount(8) what the daemon has mounted: the daemon lets go of it too. */
@Timeout(120)
class UnmountedByHandTest {
    private static final String IMAGE = "oci:" + TestNode.FIXTURES.resolve("rafs6-chunk64k") + ":fixture";

    private TestNode node;
    private Path target;

    @BeforeEach
    void mount() throws IOException {
        node = TestNode.create();
        target = node.folder().resolve("mnt");
        node.must("mount", IMAGE, target.toString());
    }

    @AfterEach
    void remove() throws IOException {
        if (node != null) {
            node.close();
        }
    }

    private void unmountByHand() throws Exception {
        assertEquals(
                0,
                new ProcessBuilder("umount", target.toString())
                        .inheritIO()
                        .start()
                        .waitFor());
    }

    private List<String> list(String folder) throws IOException {
        try (Stream<Path> files = Files.list(node.run().resolve(folder))) {
            return files.map(file -> file.getFileName().toString()).toList();
        }
    }

    @Test
    void itIsNoticed() throws Exception {
        unmountByHand();
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!list("inflight").isEmpty() || !list("mounts").isEmpty()) {
            assertTrue(System.nanoTime() < deadline, node::log);
            Thread.sleep(100);
        }
        assertEquals("", node.rafter("mounts").out());
    }

    @Test
    void whatIsMountedThereNextIsTheOnlyOne() throws Exception {
        unmountByHand();
        node.must("mount", IMAGE, target.toString());
        assertEquals(1, node.rafter("mounts").out().lines().count());
        assertEquals(1, list("mounts").size());
        node.must("umount", target.toString());
        assertEquals(List.of(), list("mounts"));
        assertEquals(List.of(), list("inflight"));
    }
}
