package dev.rafter.doctor;

import dev.rafter.failure.Failure;
import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import dev.rafter.linux.FanotifyGroup;
import dev.rafter.linux.Fd;
import dev.rafter.linux.Mounts;
import dev.rafter.ondemand.OnDemandSource;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Does once, with files of its own, what every lazy mount does: a fanotify group, a mark, an EROFS mount from a file with a device, a read
 * that has to be filled first, the mount put in its place and taken away. Nothing is left behind: until the last step the mount is at no
 * place and ends with this process.
 *
 * <p>Bounded in time: a read that is not answered by the deadline is let go by ending the guard, with which the kernel allows what waits.
 */
final class KernelProbe {
    /** Port: guards a file as the daemon does. */
    interface Guards {
        Guard guard(Path file, OnDemandSource source) throws IOException;
    }

    /** A guarded file; closing it lets readers go, and closing it again does nothing. */
    interface Guard extends AutoCloseable {
        @Override
        void close();
    }

    private interface Step {
        /** What was seen. */
        String run() throws IOException;
    }

    private final ProbeFiles files;
    private final Guards guards;
    private final Duration timeout;
    private final List<Finding> findings = new ArrayList<>();

    KernelProbe(ProbeFiles files, Guards guards, Duration timeout) {
        this.files = files;
        this.guards = guards;
        this.timeout = timeout;
    }

    /** All steps, and what becomes of readers that are killed. */
    List<Finding> run() {
        if (tryMount().stream().allMatch(Finding::isFit)) {
            findings.add(new KilledReader(files, guards, timeout).look());
        }
        return findings;
    }

    /** The steps of a lazy mount. */
    List<Finding> tryMount() {
        boolean group = step("fanotify group", true, () -> {
            FanotifyGroup.init().close();
            return "fanotify_init(FAN_CLASS_PRE_CONTENT) works";
        });
        boolean mark = step("fanotify mark", group, () -> {
            try (Fd scratch = FanotifyGroup.init()) {
                FanotifyGroup.mark(scratch, files.device());
            }
            return "fanotify_mark(FAN_PRE_ACCESS) works in the cache directory";
        });
        boolean mount = step("EROFS mount", true, () -> {
            mount().close();
            return "a file and its device can be mounted";
        });
        step("guarded read", mark && mount, this::guardedRead);
        step("mount point", mount, () -> {
            try (Fd detached = mount()) {
                Mounts.attach(detached, files.mountPoint());
            }
            Mounts.unmount(files.mountPoint());
            return "move_mount and umount work";
        });
        return findings;
    }

    private boolean step(String subject, boolean possible, Step step) {
        findings.add(possible ? tried(subject, step) : new Finding(Finding.Verdict.UNTRIED, subject, "not tried"));
        return findings.getLast().isFit();
    }

    private static Finding tried(String subject, Step step) {
        try {
            return Finding.ok(subject, step.run());
        } catch (IOException e) {
            return Finding.failed(subject, Failure.of(e).message());
        }
    }

    private Fd mount() throws IOException {
        return files.mount();
    }

    private String guardedRead() throws IOException {
        try (Guard guard = guards.guard(files.device(), files);
                Fd mount = mount()) {
            byte[] read = TimedRead.of(mount.path().resolve(ProbeFiles.FILE), guard, timeout);
            if (files.asked() == 0) {
                throw new FailureException(
                        FailureKind.NODE,
                        "reads through an EROFS mount raise no events on this kernel, so holes would be read as zeros:"
                                + " Linux 6.15 or newer is needed");
            }
            if (!Arrays.equals(read, files.content())) {
                throw new FailureException(
                        FailureKind.NODE, "a hole that was filled when it was read gave other bytes: report it");
            }
            return "a read of a hole waited until it was filled";
        }
    }
}
