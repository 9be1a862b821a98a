package dev.rafter.mount;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.cli.CommandResult;
import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A cache directory on a small disk of its own that gets full. */
@Timeout(120)
class FullDiskMountTest {
    private static final String IMAGE = "oci:" + TestNode.FIXTURES.resolve("rafs6-chunk64k") + ":fixture";
    private static final String FILE = "/bin/sh";
    private static final int DISK_BYTES = 40 << 20;

    private TestNode node;
    private Path disk;
    private Path filler;
    private Path target;

    @BeforeEach
    void mountSmallDisk() throws Exception {
        node = TestNode.create();
        Path image = node.folder().resolve("disk.img");
        try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(DISK_BYTES);
        }
        run("mkfs.ext4", "-q", "-F", "-m", "0", image.toString());
        Path folder = Files.createDirectory(node.folder().resolve("disk"));
        run("mount", "-o", "loop", image.toString(), folder.toString());
        disk = folder;
        filler = disk.resolve("filler");
        target = node.folder().resolve("mnt");
    }

    @AfterEach
    void remove() throws Exception {
        if (node == null) {
            return;
        }
        if (Files.exists(node.run().resolve("rafter.sock"))) {
            assertEquals(0, rafter("stop").exitCode());
        }
        if (disk != null) {
            run("umount", disk.toString());
        }
        node.close();
    }

    private static void run(String... command) throws Exception {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), output);
    }

    private CommandResult rafter(String... arguments) {
        String[] all = new String[arguments.length + 4];
        System.arraycopy(arguments, 0, all, 0, arguments.length);
        List<String> where = List.of(
                "--root", disk.resolve("root").toString(), "--run", node.run().toString());
        for (int i = 0; i < where.size(); i++) {
            all[arguments.length + i] = where.get(i);
        }
        return CommandResult.of(all);
    }

    private CommandResult mount() {
        return rafter("mount", IMAGE, target.toString());
    }

    /** Writes until nothing fits any more, when nobody is about to make room: a daemon that has just started rehearses on files. */
    private void fillUp() throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (Files.exists(disk.resolve("root/rehearsal"))) {
            assertTrue(System.nanoTime() < deadline, node::log);
            Thread.sleep(20);
        }
        byte[] block = new byte[4096];
        try (OutputStream out = Files.newOutputStream(filler)) {
            while (true) {
                out.write(block);
            }
        } catch (IOException e) {
            assertTrue(e.toString().contains("No space left"), e::toString);
        }
    }

    @Test
    void whatCannotBeStoredIsAnErrorToItsReaderUntilThereIsRoom() throws Exception {
        ExpectedTree expected = new ExpectedTree(TestNode.FIXTURES, "rafs6-chunk64k");
        Path file = target.resolve(FILE.substring(1));
        assertEquals(0, mount().exitCode(), node.log());
        fillUp();
        IOException failure = assertThrows(IOException.class, () -> ExpectedTree.sha256(file));
        assertTrue(String.valueOf(failure.getMessage()).contains("Input/output error"), failure::toString);
        String line = node.log()
                .lines()
                .filter(text -> text.contains("gets EIO"))
                .findFirst()
                .orElseThrow(() -> new AssertionError(node.log()));
        assertTrue(line.toLowerCase(Locale.ROOT).contains("no space left"), line);
        assertTrue(line.contains("free space in the cache directory") && line.contains(disk.toString()), line);
        Files.delete(filler);
        assertEquals(expected.sha256(FILE), readAtLast(file));
        assertEquals(List.of(), expected.compare(target));
    }

    /** A full disk is not asked again at once, and gives its space back with its journal's next commit. */
    private static String readAtLast(Path file) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (true) {
            try {
                return ExpectedTree.sha256(file);
            } catch (IOException e) {
                if (System.nanoTime() > deadline) {
                    throw e;
                }
                Thread.sleep(50);
            }
        }
    }

    @Test
    void nothingIsMountedWhereThereIsHardlyRoom() throws Exception {
        assertEquals(0, rafter("start").exitCode(), node.log());
        fillUp();
        CommandResult full = mount();
        assertEquals(6, full.exitCode(), full::toString);
        assertTrue(full.err().contains("bytes are free at " + disk.resolve("root")), full.err());
        assertTrue(full.err().contains("make room"), full.err());
        Files.delete(filler);
        assertEquals(0, mount().exitCode(), node.log());
    }

    @Test
    void aDaemonThatFindsNoRoomSaysSo() throws Exception {
        fillUp();
        CommandResult full = mount();
        assertEquals(6, full.exitCode(), full::toString);
        assertTrue(full.err().toLowerCase(Locale.ROOT).contains("no space left"), full.err());
        assertEquals(1, full.err().lines().count(), full.err());
        CommandResult doctor = rafter("doctor");
        assertEquals(6, doctor.exitCode(), doctor::toString);
        assertTrue(doctor.out().contains("FAILED   free space"), doctor.out());
    }
}
