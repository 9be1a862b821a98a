package dev.rafter;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The end of a node: systemd's last program ends all processes, and waits for them; nobody unmounts any more what containers were on. A
 * daemon that waited for that would hold up the shutdown until systemd kills it.
 */
final class NodeShutdown {
    /** What the first process is called then, as far as the kernel keeps names. */
    private static final String LAST_PROGRAM = "systemd-shutdow";

    private final Path proc;

    NodeShutdown() {
        this(Path.of("/proc"));
    }

    NodeShutdown(Path proc) {
        this.proc = proc;
    }

    /** Whether the node goes down and no process is left that could read from our mounts by way of a container. */
    boolean isOver() throws IOException {
        if (!Files.readString(proc.resolve("1/comm")).strip().equals(LAST_PROGRAM)) {
            return false;
        }
        Optional<String> own = place(proc.resolve("self"));
        try (DirectoryStream<Path> processes = Files.newDirectoryStream(proc, "[0-9]*")) {
            for (Path process : processes) {
                Optional<String> place = place(process);
                if (place.isPresent() && !place.equals(own)) {
                    return false;
                }
            }
        }
        return true;
    }

    /** The mount namespace and the root of a process: a container's are others than ours. Empty if it has ended. */
    private static Optional<String> place(Path process) {
        try {
            return Optional.of(Files.readSymbolicLink(process.resolve("ns/mnt")) + " "
                    + Files.readSymbolicLink(process.resolve("root")));
        } catch (IOException _) {
            return Optional.empty();
        }
    }
}
