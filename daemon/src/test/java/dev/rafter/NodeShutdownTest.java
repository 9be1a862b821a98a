package dev.rafter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NodeShutdownTest {
    @TempDir
    Path proc;

    @ParameterizedTest
    @CsvSource({
        "systemd,         mnt:[1], /,         false, nobody shuts the node down",
        "systemd-shutdow, mnt:[1], /,         true,  only the host's own processes are left",
        "systemd-shutdow, mnt:[2], /,         false, a container is left",
        "systemd-shutdow, mnt:[1], /srv/root, false, a process with another root is left",
    })
    void isOverWhenOnlyTheHostsOwnProcessesAreLeft(
            String first, String namespace, String root, boolean over, String why) throws IOException {
        Files.writeString(process("1", "mnt:[1]", "/").resolve("comm"), first + "\n");
        process("self", "mnt:[1]", "/");
        process("200", namespace, root);
        Files.createDirectories(proc.resolve("300/ns")); // it has ended
        assertEquals(over, new NodeShutdown(proc).isOver(), why);
    }

    private Path process(String pid, String namespace, String root) throws IOException {
        Path folder = Files.createDirectories(proc.resolve(pid));
        Files.createSymbolicLink(Files.createDirectories(folder.resolve("ns")).resolve("mnt"), Path.of(namespace));
        Files.createSymbolicLink(folder.resolve("root"), Path.of(root));
        return folder;
    }

    @Test
    void hereItIsNot() throws IOException {
        assertFalse(new NodeShutdown().isOver());
    }
}
