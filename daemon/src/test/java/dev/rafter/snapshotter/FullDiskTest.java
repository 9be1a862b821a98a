package dev.rafter.snapshotter;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
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

    /** Takes all there is, for root too. */
    private void fillUp() throws IOException {
        Path filler = disk.resolve("filler");
        fill(filler);
        try (FileChannel out = FileChannel.open(filler, StandardOpenOption.APPEND)) {
            while (true) {
                out.write(ByteBuffer.allocate(512));
                out.force(false);
            }
        } catch (IOException e) {
            assertTrue(e.toString().contains("No space left"), e::toString);
        }
    }

    /** What a crash can leave: a line that was not written to its end. */
    private static void tear(Path journal) throws IOException {
        try (FileChannel out = FileChannel.open(journal, StandardOpenOption.WRITE)) {
            JournalReader.Contents contents = JournalReader.read(journal, line -> {});
            out.write(ByteBuffer.wrap("12345678 {\"drop\":[\"before-1".getBytes(UTF_8)), contents.endBytes());
        }
    }

    @Test
    void startsOnAFullDisk() throws IOException {
        Path root = disk.resolve("root");
        try (Snapshotter snapshotter = Snapshotter.open(root, LazyImages.NONE, new SimpleMeterRegistry())) {
            for (int i = 0; i < 20; i++) {
                snapshotter.prepare("before-" + i, "", Map.of());
            }
        }
        Path lost = root.resolve("snapshots/3");
        Files.delete(lost.resolve("fs"));
        Files.delete(lost.resolve("work"));
        tear(root.resolve("state.db"));
        Files.writeString(root.resolve("state.db.new"), "x".repeat(10_000));
        fillUp();
        try (Snapshotter snapshotter = Snapshotter.open(root, LazyImages.NONE, new SimpleMeterRegistry())) {
            assertEquals(20, snapshotter.list(List.of()).size());
            fillUp();
            IOException full = assertThrows(IOException.class, () -> {
                for (int i = 0; i < 1000; i++) {
                    snapshotter.update("before-5", Map.of("containerd.io/snapshot/x", "y".repeat(4000) + i), List.of());
                }
            });
            assertTrue(full.toString().contains("No space left"), full::toString);
            assertTrue(full.toString().contains("state.db"), full::toString);
            for (int i = 0; i < 19; i++) {
                snapshotter.remove("before-" + i);
            }
        }
        fillUp();
        try (Snapshotter snapshotter = Snapshotter.open(root, LazyImages.NONE, new SimpleMeterRegistry())) {
            assertEquals(
                    List.of("before-19"),
                    snapshotter.list(List.of()).stream().map(SnapshotInfo::name).toList());
            snapshotter.remove("before-19");
            snapshotter.cleanup();
            Files.delete(disk.resolve("filler"));
            snapshotter.prepare("again", "", Map.of());
        }
    }

    @Test
    void aDamagedStateIsReadOnAFullDisk() throws IOException {
        Path root = disk.resolve("root");
        try (Snapshotter snapshotter = Snapshotter.open(root, LazyImages.NONE, new SimpleMeterRegistry())) {
            for (int i = 0; i < 4; i++) {
                snapshotter.prepare("before-" + i, "", Map.of());
            }
        }
        Path journal = root.resolve("state.db");
        byte[] bytes = Files.readAllBytes(journal);
        try (FileChannel out = FileChannel.open(journal, StandardOpenOption.WRITE)) {
            out.write(ByteBuffer.wrap("?".getBytes(UTF_8)), new String(bytes, UTF_8).indexOf("before-1"));
        }
        fillUp();
        for (int start = 0; start < 2; start++) {
            try (Snapshotter snapshotter = Snapshotter.open(root, LazyImages.NONE, new SimpleMeterRegistry())) {
                assertEquals(3 - start, snapshotter.list(List.of()).size());
                snapshotter.remove("before-" + 2 * start);
                snapshotter.cleanup();
            }
            fillUp();
        }
        // What is of no known snapshot may be of one whose line is damaged.
        assertTrue(Files.isDirectory(root.resolve("snapshots/2/fs")));
        Files.delete(disk.resolve("filler"));
        for (int start = 0; start < 2; start++) {
            Snapshotter.open(root, LazyImages.NONE, new SimpleMeterRegistry()).close();
            assertTrue(Files.isDirectory(root.resolve("snapshots/2/fs")));
        }
        Files.delete(root.resolve("state.db.damaged"));
        Snapshotter.open(root, LazyImages.NONE, new SimpleMeterRegistry()).close();
        assertFalse(Files.exists(root.resolve("snapshots/2")));
        assertTrue(Files.exists(root.resolve("snapshots/4")));
    }
}
