package dev.rafter.mount;

import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/**
 * One attempt to end all mounts, made while none is made. The kernel lets a filesystem be unmounted below an overlay, whose next users would
 * find an empty folder where it was; so who has been told of a mount gets the time to use it, and what is used is left alone.
 */
final class Stopping {
    /** How soon whoever is told of a mount puts something on top of it: a runtime is started in between. */
    private static final Duration SOON = Duration.ofSeconds(3);

    private static final long POLL_MILLIS = 50;

    private final Collection<ActiveMount> active;
    private final Unmounting unmounting;

    /** Port: unmounts a directory. */
    interface Unmounting {
        void unmount(String directory) throws IOException;
    }

    Stopping(Collection<ActiveMount> active, Unmounting unmounting) {
        this.active = active;
        this.unmounting = unmounting;
    }

    /** @throws IOException if anything is left; as much as can be is unmounted then */
    void run(LingeringMounts lingering) throws IOException {
        awaitUsers();
        List<IOException> failures = new ArrayList<>();
        for (ActiveMount mount : active) {
            try {
                requireUnused(mount.directory());
                unmounting.unmount(mount.directory().toString());
            } catch (IOException e) {
                failures.add(e);
            }
        }
        lingering.look();
        if (!failures.isEmpty()) {
            failures.stream().skip(1).forEach(failures.getFirst()::addSuppressed);
            throw failures.getFirst();
        }
        if (!lingering.directories().isEmpty()) {
            throw new FailureException(
                    FailureKind.FAILURE,
                    "what was mounted at " + lingering.directories()
                            + " is still read from, by an overlay or in another"
                            + " mount namespace: end that, then stop again");
        }
    }

    private void awaitUsers() throws IOException {
        try {
            while (active.stream().anyMatch(mount -> mount.isHandedOutWithin(SOON))) {
                Thread.sleep(POLL_MILLIS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    private static void requireUnused(Path directory) throws IOException {
        List<Path> above = InUse.above(directory);
        if (!above.isEmpty()) {
            throw new FailureException(
                    FailureKind.FAILURE,
                    directory + " is in use by what is mounted at " + above + ": unmount that, then stop again");
        }
    }
}
