package dev.rafter.snapshotter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a start makes of a state and of folders that do not fit each other. */
@Timeout(60)
class MendTest {
    @TempDir
    Path folder;

    private interface Action {
        void run(Snapshotter snapshotter) throws IOException;
    }

    private void open(Action action) throws IOException {
        try (Snapshotter snapshotter = Snapshotter.open(folder, LazyImages.NONE, new SimpleMeterRegistry())) {
            action.run(snapshotter);
            snapshotter.cleanup();
        }
    }

    private Path fs(long id) {
        return folder.resolve("snapshots/" + id + "/fs");
    }

    private void lose(long id) throws IOException {
        Files.delete(fs(id));
        Files.deleteIfExists(fs(id).resolveSibling("work"));
        Files.delete(fs(id).getParent());
    }

    private static List<String> names(Snapshotter snapshotter) throws IOException {
        return snapshotter.list(List.of()).stream()
                .map(SnapshotInfo::name)
                .sorted()
                .collect(Collectors.toList());
    }

    @Test
    void aWritableSideThatLostItsFilesIsMadeAgainAsAtFirst() throws IOException {
        Assumptions.assumeTrue("root".equals(System.getProperty("user.name")), "changing owners needs root");
        open(snapshotter -> {
            snapshotter.prepare("extract", "", Map.of());
            Files.setAttribute(fs(1), "unix:uid", 1000);
            snapshotter.commit("base", "extract", Map.of(), "");
            snapshotter.prepare("container", "base", Map.of());
            assertEquals(1000, Files.getAttribute(fs(2), "unix:uid"));
        });
        lose(2);
        open(snapshotter -> {
            snapshotter.mounts("container");
            assertEquals(1000, Files.getAttribute(fs(2), "unix:uid"));
            assertEquals("rwxr-xr-x", PosixFilePermissions.toString(Files.getPosixFilePermissions(fs(2))));
            assertTrue(Files.isDirectory(fs(2).resolveSibling("work")));
        });
    }

    @Test
    void whatHasLostItsFilesCannotBecomeALayer() throws IOException {
        open(snapshotter -> snapshotter.prepare("extract", "", Map.of()));
        lose(1);
        open(snapshotter -> {
            assertEquals(Usage.NONE, snapshotter.usage("extract"));
            SnapshotException e =
                    assertThrows(SnapshotException.class, () -> snapshotter.commit("base", "extract", Map.of(), ""));
            assertEquals(SnapshotException.Code.FAILED_PRECONDITION, e.code());
            snapshotter.remove("extract");
        });
    }

    /** containerd lists and removes them when it does not know them: children first, and then they have to be there. */
    @Test
    void standInsDoNotPileUp() throws IOException {
        try (StateStore store = StateStore.open(folder, false, Steps.NONE)) {
            java.time.Instant now = java.time.Instant.now();
            store.put(new Snapshot(7, "child", "lost", Kind.ACTIVE, now, now, Map.of(), null, null));
        }
        for (int start = 0; start < 3; start++) {
            open(snapshotter -> {
                assertEquals(List.of("child", "lost"), names(snapshotter));
                assertThrows(LostLayerException.class, () -> snapshotter.mounts("child"));
            });
        }
        open(snapshotter -> {
            snapshotter.remove("child");
            snapshotter.remove("lost");
        });
        open(snapshotter -> assertEquals(List.of(), names(snapshotter)));
    }

    @Test
    void whereTheStateIsGoneNothingIsDeletedUntilAPersonSaysSo() throws IOException {
        open(snapshotter -> snapshotter.prepare("container", "", Map.of()));
        Path written = Files.writeString(fs(1).resolve("file"), "of a container");
        Files.delete(folder.resolve("state.db"));
        for (int start = 0; start < 2; start++) {
            open(snapshotter -> {
                assertEquals(List.of(), names(snapshotter));
                snapshotter.cleanup();
                assertTrue(Files.exists(written));
            });
        }
        Files.delete(folder.resolve("state.db.damaged"));
        open(snapshotter -> {});
        assertTrue(Files.notExists(written));
    }

    @Test
    void aFolderThatWasMadeInPartIsMadeWhole() throws IOException {
        open(snapshotter -> snapshotter.prepare("container", "", Map.of()));
        lose(1);
        Files.createDirectories(fs(1).resolveSibling("fs.new"));
        open(snapshotter -> {
            snapshotter.mounts("container");
            assertTrue(Files.isDirectory(fs(1)) && Files.isDirectory(fs(1).resolveSibling("work")));
            assertTrue(Files.notExists(fs(1).resolveSibling("fs.new")));
        });
    }

    @Test
    void aFolderOfNoSnapshotIsDeleted() throws IOException {
        open(snapshotter -> snapshotter.prepare("a", "", Map.of()));
        Files.createDirectories(fs(99));
        open(snapshotter -> {
            snapshotter.prepare("b", "", Map.of());
            assertTrue(Files.isDirectory(fs(100)));
        });
        assertFalse(Files.exists(fs(99)));
    }
}
