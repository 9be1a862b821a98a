package dev.rafter.doctor;

import dev.rafter.blob.BlobStore;
import dev.rafter.failure.Failure;
import dev.rafter.mount.MountManager;
import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** What is read, not tried: the kernel's name, privilege, the cache directory's filesystem and room, and limits of numbers. */
final class NodeLimits {
    private static final Path MAX_GROUPS = Path.of("/proc/sys/fs/fanotify/max_user_groups");
    private static final int CAP_SYS_ADMIN = 21;
    private static final long COMFORTABLE_BYTES = 1L << 30;
    /** Each lazy blob takes a descriptor and a group with another one, and every reader that waits takes one more. */
    private static final long COMFORTABLE_DESCRIPTORS = 16_384;

    private static final long COMFORTABLE_GROUPS = 4_096;

    private NodeLimits() {}

    static List<Finding> examine(Path directory) {
        return List.of(kernel(), privilege(), filesystem(directory), space(directory), descriptors(), groups());
    }

    private interface Look {
        Finding look() throws IOException;
    }

    private static Finding look(String subject, Look look) {
        try {
            return look.look();
        } catch (IOException e) {
            return Finding.failed(subject, Failure.of(e).message());
        }
    }

    private static Finding kernel() {
        return Finding.ok(
                "kernel",
                System.getProperty("os.name") + " " + System.getProperty("os.version") + ", "
                        + System.getProperty("os.arch"));
    }

    private static Finding privilege() {
        return look("privilege", () -> {
            String user = "user " + status("Uid").split("\\s+", -1)[1];
            boolean admin = (Long.parseUnsignedLong(status("CapEff"), 16) >>> CAP_SYS_ADMIN & 1) != 0;
            return admin
                    ? Finding.ok("privilege", user + " with CAP_SYS_ADMIN")
                    : Finding.failed(
                            "privilege",
                            user + " without CAP_SYS_ADMIN, which mounting and guarding need: run as root, in a"
                                    + " container as a privileged one");
        });
    }

    /** A line of {@code /proc/self/status} (proc_pid_status(5)). */
    private static String status(String name) throws IOException {
        return line(Path.of("/proc/self/status"), name + ":");
    }

    private static String line(Path file, String start) throws IOException {
        return Files.readAllLines(file).stream()
                .filter(line -> line.startsWith(start))
                .map(line -> line.substring(start.length()).strip())
                .findFirst()
                .orElseThrow(() -> new IOException(file + " has no \"" + start + "\""));
    }

    private static Finding filesystem(Path directory) {
        return look("cache directory", () -> {
            BlobStore.requireUsable(directory);
            return Finding.ok(
                    "cache directory",
                    directory + " is on " + Files.getFileStore(directory).type());
        });
    }

    private static Finding space(Path directory) {
        return look("free space", () -> {
            FileStore store = Files.getFileStore(directory);
            long free = store.getUsableSpace();
            String text = free / 1_000_000 + " MB are free at " + directory;
            if (free < MountManager.MIN_FREE_BYTES) {
                return Finding.failed("free space", text + ": make room, or choose another --root");
            }
            return free < COMFORTABLE_BYTES
                    ? Finding.warning(
                            "free space", text + ": readers get EIO when it is used up, until there is room again")
                    : Finding.ok("free space", text);
        });
    }

    private static Finding descriptors() {
        return look("open files", () -> {
            String hard = Arrays.asList(
                            line(Path.of("/proc/self/limits"), "Max open files").split("\\s+", -1))
                    .get(1);
            boolean enough = hard.equals("unlimited") || Long.parseLong(hard) >= COMFORTABLE_DESCRIPTORS;
            String text = "at most " + hard;
            return enough
                    ? Finding.ok("open files", text)
                    : Finding.warning(
                            "open files",
                            text
                                    + ", and each lazy blob takes two: raise it (ulimit -Hn; LimitNOFILE= of the service) to "
                                    + COMFORTABLE_DESCRIPTORS);
        });
    }

    private static Finding groups() {
        return look("guards", () -> {
            if (!Files.exists(MAX_GROUPS)) {
                return Finding.warning("guards", "there is no " + MAX_GROUPS);
            }
            // In one read: the kernel gives what follows the first read of such a file to nobody.
            long most = Long.parseLong(Files.readAllLines(MAX_GROUPS).getFirst().strip());
            String text = "fs.fanotify.max_user_groups is " + most;
            if (most >= COMFORTABLE_GROUPS) {
                return Finding.ok("guards", text);
            }
            return Files.isWritable(MAX_GROUPS)
                    ? Finding.ok("guards", text + "; the daemon raises it when it starts")
                    : Finding.warning(
                            "guards",
                            text + ", which bounds how many blobs can be lazy at once, and cannot be raised from"
                                    + " here: sysctl fs.fanotify.max_user_groups=16384");
        });
    }
}
