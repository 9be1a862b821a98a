package dev.rafter.snapshotter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A disk without space: new snapshots fail with that reason, old ones can be removed, and then it goes on. */
@Timeout(60)
class FullDiskTest {
    @TempDir
    Path folder;

    private Path disk;

    @BeforeEach
    void mountSmallDisk() throws IOException {
        Assumptions.assumeTrue("root".equals(System.getProperty("user.name")), "mounting needs root");
        Path image = folder.resolve("disk.img");
        try (var file = new java.io.RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(8 << 20);
        }
        Path mount = Files.createDirectory(folder.resolve("disk"));
        Mounted.run(folder, "mkfs.ext4", "-q", "-F", "-N", "512", image.toString());
        Mounted.run(folder, "mount", "-o", "loop", image.toString(), mount.toString());
        disk = mount;
    }

    @AfterEach
    void unmount() throws IOException {
        if (disk != null) {
            Mounted.run(folder, "umount", disk.toString());
        }
    }

    private static void fill(Path file) throws IOException {
        byte[] block = new byte[4096];
        try (OutputStream out = Files.newOutputStream(file)) {
            while (true) {
                out.write(block);
            }
        } catch (IOException e) {
            assertTrue(e.toString().contains("No space left"), e::toString);
        }
    }

    @Test
    void spaceIsFreedByRemoving() throws IOException {
        Path root = disk.resolve("root");
        try (Snapshotter snapshotter = Snapshotter.open(root, LazyImages.NONE, new SimpleMeterRegistry())) {
            for (int i = 0; i < 20; i++) {
                snapshotter.prepare("before-" + i, "", Map.of());
            }
            fill(disk.resolve("filler"));
            IOException full = assertThrows(IOException.class, () -> {
                for (int i = 0; i < 1000; i++) {
                    snapshotter.prepare("after-" + i, "", Map.of("containerd.io/snapshot/x", "y".repeat(1000)));
                }
            });
            assertTrue(full.toString().contains("No space left"), full::toString);
            for (SnapshotInfo info : snapshotter.list(List.of())) {
                snapshotter.remove(info.name());
            }
            snapshotter.cleanup();
            Files.delete(disk.resolve("filler"));
            snapshotter.prepare("again", "", Map.of());
        }
        try (Snapshotter snapshotter = Snapshotter.open(root, LazyImages.NONE, new SimpleMeterRegistry())) {
            assertEquals(
                    List.of("again"),
                    snapshotter.list(List.of()).stream().map(SnapshotInfo::name).toList());
        }
    }
}
