package dev.rafter.cli;

import dev.rafter.api.ApiClient;
import dev.rafter.config.Config;
import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import dev.rafter.fdstore.Supervisor;
import dev.rafter.linux.Fd;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Finds, starts and stops the daemon of a run directory. */
final class DaemonProcess {
    private static final Duration START_TIMEOUT = Duration.ofSeconds(30);
    private static final Duration STOP_TIMEOUT = Duration.ofSeconds(30);
    private static final long POLL_MILLIS = 20;
    /** How {@link Main} begins what it tells. */
    private static final String TOLD = "rafter: ";

    private DaemonProcess() {}

    /**
     * The daemon that is there; one that is being started, or started again, is waited for.
     *
     * @throws FailureException if there is none
     */
    static ApiClient running(Config config) throws IOException {
        requireAccess(config.run());
        ApiClient client = new ApiClient(config.apiSocket());
        long deadline = System.nanoTime() + START_TIMEOUT.toNanos();
        while (!client.alive()) {
            if (endedOutOfOrder(config) && isHeld(config) && System.nanoTime() < deadline) {
                pause();
                continue;
            }
            throw new FailureException(
                    FailureKind.FAILURE,
                    "no daemon answers at " + config.apiSocket()
                            + ": nothing is mounted by it; \"rafter daemon\" or \"rafter mount\" starts one");
        }
        return client;
    }

    /** The daemon that is there, or a new one in the background. */
    static ApiClient ensureRunning(Config config, GlobalOptions options) throws IOException {
        requireAccess(config.run());
        ApiClient client = new ApiClient(config.apiSocket());
        if (!client.alive()) {
            start(config, options, client);
        }
        return client;
    }

    /** Returns when the next daemon serves. */
    static void restart(Config config) throws IOException {
        ApiClient client = running(config);
        long old = client.status().pid();
        client.restart();
        long deadline = System.nanoTime() + START_TIMEOUT.toNanos();
        while (!servesAsAnother(client, old)) {
            if (System.nanoTime() > deadline) {
                throw new FailureException(
                        FailureKind.FAILURE,
                        "the next daemon does not answer after " + START_TIMEOUT.toSeconds() + " seconds; see "
                                + config.run().resolve("daemon.log"));
            }
            pause();
        }
    }

    private static boolean servesAsAnother(ApiClient client, long old) {
        try {
            return client.status().pid() != old;
        } catch (IOException _) {
            return false; // the old one has ended, and the new one is not there yet
        }
    }

    /** Returns when nothing of it is left: whoever keeps its descriptors holds the lock, and files below the root, for longer than it does. */
    static void stop(Config config) throws IOException {
        ApiClient client = running(config);
        ProcessHandle daemon = ProcessHandle.of(client.status().pid()).orElse(null);
        client.stop();
        long deadline = System.nanoTime() + STOP_TIMEOUT.toNanos();
        while (client.alive() || (daemon != null && daemon.isAlive()) || isHeld(config)) {
            if (System.nanoTime() > deadline) {
                throw new FailureException(
                        FailureKind.FAILURE, "the daemon still runs after " + STOP_TIMEOUT.toSeconds() + " seconds");
            }
            pause();
        }
    }

    private static void start(Config config, GlobalOptions options, ApiClient client) throws IOException {
        createPrivate(config.run());
        Path log = config.run().resolve("daemon.log");
        long logStart = Files.exists(log) ? Files.size(log) : 0;
        ProcessBuilder builder = new ProcessBuilder(command(config, options));
        // What this command may have got from whoever started it is not for the daemon.
        builder.environment()
                .keySet()
                .removeAll(List.of("NOTIFY_SOCKET", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"));
        Process process = builder.redirectInput(new File("/dev/null"))
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
                .redirectErrorStream(true)
                .directory(new File("/"))
                .start();
        long deadline = System.nanoTime() + START_TIMEOUT.toNanos();
        while (!client.alive()) {
            if (!process.isAlive() && !isHeld(config)) {
                throw ended(process.exitValue(), log, logStart);
            }
            if (System.nanoTime() > deadline) {
                throw new FailureException(
                        FailureKind.FAILURE,
                        "the daemon does not answer after " + START_TIMEOUT.toSeconds() + " seconds; see " + log);
            }
            pause();
        }
    }

    /** A session of its own: what ends the terminal does not end the daemon. */
    private static List<String> command(Config config, GlobalOptions options) {
        List<String> command = new ArrayList<>(List.of("setsid"));
        command.addAll(supervised());
        command.addAll(List.of(
                "daemon",
                "--root",
                config.root().toString(),
                "--run",
                config.run().toString()));
        command.addAll(options.forDaemon());
        return command;
    }

    private static boolean endedOutOfOrder(Config config) {
        return Files.exists(config.run().resolve("daemon.pid"));
    }

    /** Whether a daemon has the root, or will have it: one that is being started, or started again. */
    private static boolean isHeld(Config config) throws IOException {
        Path lock = config.root().resolve("lock");
        if (Files.notExists(lock)) {
            return false;
        }
        try (Fd fd = Fd.open(lock, Fd.O_RDWR)) {
            return !fd.tryLock();
        }
    }

    /** The launcher, or what it would run with this JVM if there is none: the supervisor, and the daemon below it. */
    private static List<String> supervised() {
        String launcher = System.getenv("RAFTER_LAUNCHER");
        if (launcher != null) {
            return List.of(launcher);
        }
        List<String> command = new ArrayList<>(java("-Xmx16m", "-XX:TieredStopAtLevel=1"));
        command.add(Supervisor.class.getName());
        command.addAll(java("-Xmx192m"));
        command.add(Main.class.getName());
        return command;
    }

    private static List<String> java(String... flags) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-XX:+UseSerialGC", "--enable-native-access=ALL-UNNAMED"));
        command.addAll(List.of(flags));
        command.addAll(List.of("-cp", System.getProperty("java.class.path")));
        return command;
    }

    /** A daemon that may not be asked looks like none. */
    private static void requireAccess(Path run) throws IOException {
        if (Files.isDirectory(run) && !(Files.isExecutable(run) && Files.isWritable(run))) {
            String owner = Files.getOwner(run).getName();
            throw new FailureException(
                    FailureKind.NODE,
                    "only " + owner + " may use the daemon of " + run + ": run this as " + owner
                            + ", or choose another --root and --run");
        }
    }

    private static void createPrivate(Path directory) throws IOException {
        if (!Files.isDirectory(directory)) {
            Files.createDirectories(
                    directory, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        }
    }

    /** A daemon that cannot start says why in its last line, and by its exit code who can act. */
    private static FailureException ended(int exitCode, Path log, long logStart) throws IOException {
        byte[] all = Files.readAllBytes(log);
        String said = new String(all, (int) logStart, all.length - (int) logStart, StandardCharsets.UTF_8).strip();
        String last = said.substring(said.lastIndexOf('\n') + 1);
        String reason = last.startsWith(TOLD) ? last.substring(TOLD.length()) : "see " + log;
        return new FailureException(FailureKind.ofExitCode(exitCode), "the daemon did not start: " + reason);
    }

    private static void pause() throws IOException {
        try {
            Thread.sleep(POLL_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }
}
