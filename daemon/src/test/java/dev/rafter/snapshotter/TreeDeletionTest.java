package dev.rafter.snapshotter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class TreeDeletionTest {
    @TempDir
    Path folder;

    private Path top;

    @BeforeEach
    void makeTop() throws IOException {
        top = folder.resolve("1");
        Files.createDirectories(top.resolve("fs"));
    }

    @Test
    void deletesWhatIsDeeperThanPathsAreLong() throws Exception {
        DeepTree.make(top.resolve("fs"), 5_000, 10);
        // A stack as small as the daemon's threads have.
        Throwable[] thrown = new Throwable[1];
        Thread deleter = new Thread(
                null,
                () -> {
                    try {
                        TreeDeletion.delete(top, Steps.NONE);
                    } catch (IOException | Error e) {
                        thrown[0] = e;
                    }
                },
                "deleter",
                256 << 10);
        deleter.start();
        deleter.join();
        assertEquals(null, thrown[0]);
        assertFalse(Files.exists(top));
    }

    @Test
    void deletesManyDeepBranches() throws IOException {
        Path branching = Files.createDirectories(top.resolve("fs/" + "d/".repeat(31)));
        for (int i = 0; i < 300; i++) {
            Path branch = Files.createDirectories(branching.resolve("branch-" + i + "/" + "e/".repeat(40)));
            Files.writeString(branch.resolve("file"), "x");
        }
        // What a deletion that was interrupted left.
        Files.createDirectories(top.resolve("deeper-0/a/b"));
        Files.writeString(top.resolve("deeper-1"), "x");
        TreeDeletion.delete(top, Steps.NONE);
        assertFalse(Files.exists(top));
    }

    @Test
    void followsNoLinks() throws IOException {
        Path outside = Files.createDirectories(folder.resolve("outside"));
        Files.writeString(outside.resolve("file"), "stays");
        Files.createSymbolicLink(top.resolve("fs/link"), outside);
        Files.createSymbolicLink(top.resolve("fs/dangling"), Path.of("nowhere"));
        TreeDeletion.delete(top, Steps.NONE);
        assertFalse(Files.exists(top));
        assertEquals("stays", Files.readString(outside.resolve("file")));
        Path link = Files.createSymbolicLink(folder.resolve("2"), outside);
        TreeDeletion.delete(link, Steps.NONE);
        assertTrue(Files.exists(outside.resolve("file")));
        TreeDeletion.delete(folder.resolve("not there"), Steps.NONE);
    }

    @Test
    void namesOfAnyBytesAreDeleted() throws Exception {
        Process shell = new ProcessBuilder("sh", "-c", "mkdir $(printf 'fs/\\377') && : >$(printf 'fs/\\377/\\376')")
                .directory(top.toFile())
                .start();
        assertEquals(0, shell.waitFor());
        TreeDeletion.delete(top, Steps.NONE);
        assertFalse(Files.exists(top));
    }

    @Test
    void touchesNothingThatIsMounted() throws IOException {
        Assumptions.assumeTrue("root".equals(System.getProperty("user.name")), "mounting needs root");
        Path mount = Files.createDirectories(top.resolve("fs/a b/mount"));
        Path outside = Files.createDirectories(folder.resolve("outside"));
        Files.writeString(outside.resolve("file"), "stays");
        for (String[] options : new String[][] {{"--bind", outside.toString()}, {"-t", "tmpfs", "tmpfs"}}) {
            String[] command = new String[options.length + 2];
            command[0] = "mount";
            System.arraycopy(options, 0, command, 1, options.length);
            command[command.length - 1] = mount.toString();
            Mounted.run(folder, command);
            try {
                Files.writeString(mount.resolve("file"), "stays");
                assertTrue(assertThrows(IOException.class, () -> TreeDeletion.delete(top, Steps.NONE))
                        .toString()
                        .contains("mount point"));
                assertEquals("stays", Files.readString(mount.resolve("file")));
            } finally {
                Mounted.run(folder, "umount", mount.toString());
            }
        }
        TreeDeletion.delete(top, Steps.NONE);
        assertFalse(Files.exists(top));
        assertEquals("stays", Files.readString(outside.resolve("file")));
    }

    @Test
    void whatCannotBeDeletedDoesNotKeepTheRest() throws IOException {
        Assumptions.assumeTrue("root".equals(System.getProperty("user.name")), "attributes need root");
        Path stays = Files.createDirectories(top.resolve("fs/immutable"));
        for (int i = 0; i < 10; i++) {
            Files.writeString(top.resolve("fs/file-" + i), "x");
        }
        Mounted.run(folder, "chattr", "+i", stays.toString());
        try {
            assertThrows(IOException.class, () -> TreeDeletion.delete(top, Steps.NONE));
            try (var left = Files.list(top.resolve("fs"))) {
                assertEquals(java.util.List.of(stays), left.toList());
            }
        } finally {
            Mounted.run(folder, "chattr", "-i", stays.toString());
        }
        TreeDeletion.delete(top, Steps.NONE);
        assertFalse(Files.exists(top));
    }
}
