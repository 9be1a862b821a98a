package dev.rafter.doctor;

import dev.rafter.failure.Failure;
import dev.rafter.linux.fanotify.FanotifyTransport;
import dev.rafter.ondemand.OnDemandSource;
import dev.rafter.ondemand.Transport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;

/** Examines a node: its limits, and then its kernel, in a directory that is gone afterwards. */
public final class Doctor {
    private static final Duration READ_TIMEOUT = Duration.ofSeconds(10);

    private Doctor() {}

    /**
     * All findings, in the order in which a mount needs the things.
     *
     * @param root the cache directory; it need not be there yet
     */
    public static List<Finding> examine(Path root) {
        Path existing = nearestExisting(root);
        List<Finding> findings = new ArrayList<>(NodeLimits.examine(existing));
        try (ProbeFiles files = ProbeFiles.create(existing)) {
            findings.addAll(new KernelProbe(files, Doctor::guard, READ_TIMEOUT).run());
        } catch (IOException e) {
            findings.add(Finding.failed("test files", Failure.of(e).message()));
        }
        return findings;
    }

    /** What keeps lazy mounts from working on this node: the first thing, with what to do; empty if they work. */
    public static Optional<String> whatLazyMountsLack(Path root) {
        try (ProbeFiles files = ProbeFiles.create(nearestExisting(root))) {
            return new KernelProbe(files, Doctor::guard, READ_TIMEOUT)
                    .tryMount().stream()
                            .filter(finding -> finding.verdict() == Finding.Verdict.FAILED)
                            .map(finding -> finding.subject() + ": " + finding.text())
                            .findFirst();
        } catch (IOException e) {
            return Optional.of(Failure.of(e).message());
        }
    }

    /** Where the cache directory is, or would be made. */
    private static Path nearestExisting(Path root) {
        Path directory = root.toAbsolutePath().normalize();
        while (!Files.isDirectory(directory) && directory.getParent() != null) {
            directory = directory.getParent();
        }
        return directory;
    }

    /** As the daemon guards: the same transport. */
    private static KernelProbe.Guard guard(Path file, OnDemandSource source) throws IOException {
        FanotifyTransport transport = new FanotifyTransport(file.resolveSibling("inflight"));
        try {
            Transport.Guard guard = transport.guard("doctor", file, source);
            AtomicBoolean closed = new AtomicBoolean();
            return () -> {
                if (!closed.getAndSet(true)) {
                    guard.close();
                    transport.close();
                }
            };
        } catch (IOException e) {
            transport.close();
            throw e;
        }
    }
}
