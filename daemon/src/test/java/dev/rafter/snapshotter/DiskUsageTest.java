package dev.rafter.snapshotter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class DiskUsageTest {
    private static final int EVERYTHING = Integer.MAX_VALUE;

    @TempDir
    Path folder;

    private Path top;

    @BeforeEach
    void makeTop() throws IOException {
        top = Files.createDirectories(folder.resolve("1/fs"));
    }

    /** The temporary folder could not be deleted by its paths. */
    @AfterEach
    void deleteDeepTree() throws IOException {
        TreeDeletion.delete(folder.resolve("1"), Steps.NONE);
    }

    private Usage count() throws IOException {
        return DiskUsage.count(top, EVERYTHING).orElseThrow();
    }

    @Test
    void countsWhatIsDeeperThanPathsAreLong() throws IOException {
        DeepTree.make(top, 5_000, 5000);
        Usage usage = count();
        assertEquals(1 + 5_000 + 50, usage.inodes());
        assertTrue(usage.sizeBytes() >= 50 * 8192L + 5_000 * 4096L, usage::toString);
        assertEquals(Optional.empty(), DiskUsage.count(top, 3_000));
    }

    @Test
    void countsLongNamesAndManyDeepBranches() throws IOException {
        Path branching = Files.createDirectories(top.resolve("d/".repeat(31)));
        for (int i = 0; i < 50; i++) {
            Path branch = Files.createDirectories(branching.resolve("branch-" + i + "/" + "e/".repeat(40)));
            Files.write(branch.resolve("file"), new byte[200_000]);
        }
        Path wide = Files.createDirectories(top.resolve(("\u20ac".repeat(80) + "/").repeat(13)));
        DeepTree.make(wide, 200, 1);
        Usage usage = count();
        assertEquals(1 + 31 + 50 * 42 + 13 + 200 + 2, usage.inodes());
        assertTrue(usage.sizeBytes() >= 50 * 200_000L, usage::toString);
    }

    @Test
    void countsBelowNamesThatAreNoText() throws IOException, InterruptedException {
        String script = "for i in {1..40}; do mkdir $'\\xff'; cd $'\\xff'; done; touch {1..10}";
        Process made = new ProcessBuilder("bash", "-ec", script)
                .directory(top.toFile())
                .inheritIO()
                .start();
        assertEquals(0, made.waitFor());
        assertEquals(1 + 40 + 10, count().inodes());
    }

    /** A container may do that as often as it likes. */
    @Test
    void followsNoLinkThatTakesTheFoldersPlace() throws Exception {
        Path outside = Files.createDirectories(folder.resolve("outside"));
        for (int i = 0; i < 500; i++) {
            Files.createFile(outside.resolve("file" + i));
        }
        Path inside = Files.createDirectory(top.resolve("inside"));
        Path aside = top.resolve("aside");
        try (ExecutorService thread = Executors.newSingleThreadExecutor()) {
            Future<?> swapping = thread.submit(() -> {
                for (int i = 0; i < 20_000; i++) {
                    Files.move(inside, aside);
                    Files.createSymbolicLink(inside, outside);
                    Files.delete(inside);
                    Files.move(aside, inside);
                }
                return null;
            });
            while (!swapping.isDone()) {
                long inodes = count().inodes();
                assertTrue(inodes <= 4, () -> inodes + " counted");
            }
            swapping.get();
        }
    }

    @Test
    void countsHardLinksOnceAndMountsNot() throws IOException {
        Assumptions.assumeTrue("root".equals(System.getProperty("user.name")), "mounting needs root");
        Files.write(top.resolve("a"), new byte[100]);
        Files.createLink(top.resolve("b"), top.resolve("a"));
        Path mount = Files.createDirectory(top.resolve("mount"));
        assertEquals(3, count().inodes());
        Mounted.run(folder, "mount", "-t", "tmpfs", "tmpfs", mount.toString());
        try {
            Files.writeString(mount.resolve("file"), "not of this snapshot");
            assertEquals(2, count().inodes());
        } finally {
            Mounted.run(folder, "umount", mount.toString());
        }
        assertEquals(Usage.NONE, DiskUsage.count(top.resolve("not there"), 10).orElseThrow());
    }

    @Test
    void hardLinksTakeBoundedMemory() throws IOException {
        for (int i = 0; i < 10; i++) {
            Path file = Files.write(top.resolve("file-" + i), new byte[100]);
            for (int name = 0; name < 2; name++) {
                Files.createLink(top.resolve("name-" + i + "-" + name), file);
            }
        }
        for (int remembered : new int[] {0, 3, 10, 20}) {
            assertEquals(Optional.of(count()), DiskUsage.count(top, EVERYTHING, remembered));
        }
        assertEquals(11, count().inodes());
    }
}
