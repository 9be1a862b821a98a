package dev.rafter.doctor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.rafter.cli.CommandResult;
import dev.rafter.linux.FanotifyGroup;
import dev.rafter.linux.Fd;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The doctor on this machine, whose kernel mounts lazily, and with each of what may be wrong. */
@Timeout(60)
class DoctorTest {
    private static final List<Integer> NEEDED = List.of(6, 15);

    private Path directory;

    @BeforeEach
    void needLazyMounts() throws IOException {
        assumeTrue("root".equals(System.getProperty("user.name")), "needs root");
        String[] version = System.getProperty("os.version").split("[^0-9]+", -1);
        int major = Integer.parseInt(version[0]);
        boolean newer =
                major > NEEDED.get(0) || (major == NEEDED.get(0) && Integer.parseInt(version[1]) >= NEEDED.get(1));
        assumeTrue(newer, "needs Linux 6.15");
        directory = Files.createTempDirectory(Path.of("target").toAbsolutePath(), "doctor");
    }

    /** Nothing is left behind, whatever was found. */
    @AfterEach
    void nothingIsLeft() throws IOException {
        if (directory == null) {
            return;
        }
        assertFalse(Files.readString(Path.of("/proc/self/mountinfo")).contains(directory.toString()));
        Files.delete(directory);
    }

    private List<Finding> probe(KernelProbe.Guards guards) throws IOException {
        try (ProbeFiles files = ProbeFiles.create(directory)) {
            return new KernelProbe(files, guards, Duration.ofMillis(700)).run();
        }
    }

    private static Finding finding(List<Finding> findings, String subject) {
        return findings.stream()
                .filter(finding -> finding.subject().equals(subject))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void whereLazyMountsWorkTheExitCodeIsZero() throws IOException {
        CommandResult result = CommandResult.of(
                "doctor", "--root", directory.resolve("not/there/yet").toString());
        assertEquals(0, result.exitCode(), result::toString);
        assertTrue(result.out().contains("ok       guarded read     a read of a hole waited"), result.out());
        assertTrue(result.out().endsWith("images can be mounted lazily here\n"), result.out());
        assertFalse(result.out().contains("FAILED"), result.out());
        // No kernel has fewer than 128; a file of sysctl that is read in two goes gives its first digit alone.
        assertTrue(
                Pattern.compile("max_user_groups is \\d{3,}")
                        .matcher(result.out())
                        .find(),
                result.out());
    }

    @Test
    void onTmpfsItSaysWhereTheDirectoryMustBe() throws IOException {
        Path shm = Files.createTempDirectory(Path.of("/dev/shm"), "rafter");
        CommandResult result = CommandResult.of("doctor", "--root", shm.toString());
        assertEquals(6, result.exitCode(), result::toString);
        assertTrue(result.out().contains("is on tmpfs; it must be on ext4, xfs or btrfs"), result.out());
        assertTrue(result.out().contains("-        guarded read     not tried"), result.out());
        assertEquals(
                "rafter: images cannot be mounted lazily here: cache directory, fanotify mark, EROFS mount failed\n",
                result.err());
        try (Stream<Path> left = Files.list(shm)) {
            assertEquals(0, left.count());
        }
        Files.delete(shm);
    }

    @Test
    void aReaderThatNobodyAnswersIsLetGo() throws IOException {
        long begun = System.nanoTime();
        List<Finding> findings = probe((file, _) -> {
            Fd group = FanotifyGroup.init();
            FanotifyGroup.mark(group, file);
            return group::close;
        });
        Finding read = finding(findings, "guarded read");
        assertEquals(Finding.Verdict.FAILED, read.verdict());
        assertTrue(read.text().contains("not answered within 700 ms"), read.text());
        assertEquals(Finding.Verdict.OK, finding(findings, "mount point").verdict());
        assertTrue(System.nanoTime() - begun < 20_000_000_000L, "waited on");
        assertTrue(Thread.getAllStackTraces().keySet().stream()
                .noneMatch(thread -> thread.getName().equals("rafter-doctor")));
    }

    @Test
    void aReaderThatIsKilledLeavesNoZerosOrItIsSaid() throws IOException {
        CommandResult result = CommandResult.of("doctor", "--root", directory.toString());
        assertTrue(result.out().contains("killed reader    whoever reads after"), result.out());
        try (ProbeFiles files = ProbeFiles.create(directory)) {
            Finding finding = new KilledReader(files, (_, _) -> () -> {}, Duration.ofMillis(300)).look();
            assertEquals(Finding.Verdict.WARNING, finding.verdict());
            assertEquals("not known: nobody came within 300 ms", finding.text());
        }
    }

    @Test
    void aKernelWithoutEventsIsFoundByTheHoles() throws IOException {
        Finding read = finding(probe((_, _) -> () -> {}), "guarded read");
        assertEquals(Finding.Verdict.FAILED, read.verdict());
        assertTrue(read.text().contains("holes would be read as zeros"), read.text());
    }
}
