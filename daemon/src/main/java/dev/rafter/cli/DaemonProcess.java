package dev.rafter.cli;

import dev.rafter.api.ApiClient;
import dev.rafter.config.Config;
import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
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
     * The daemon that is there.
     *
     * @throws FailureException if there is none
     */
    static ApiClient running(Config config) throws FailureException {
        ApiClient client = new ApiClient(config.apiSocket());
        if (!client.alive()) {
            throw new FailureException(
                    FailureKind.FAILURE,
                    "no daemon answers at " + config.apiSocket()
                            + ": nothing is mounted by it; \"rafter daemon\" or \"rafter mount\" starts one");
        }
        return client;
    }

    /** The daemon that is there, or a new one in the background. */
    static ApiClient ensureRunning(Config config, GlobalOptions options) throws IOException {
        ApiClient client = new ApiClient(config.apiSocket());
        if (!client.alive()) {
            start(config, options, client);
        }
        return client;
    }

    static void stop(Config config) throws IOException {
        ApiClient client = running(config);
        ProcessHandle daemon = ProcessHandle.of(client.status().pid()).orElse(null);
        client.stop();
        long deadline = System.nanoTime() + STOP_TIMEOUT.toNanos();
        while (client.alive() || (daemon != null && daemon.isAlive())) {
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
        Process process = new ProcessBuilder(command(config, options))
                .redirectInput(new File("/dev/null"))
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
                .redirectErrorStream(true)
                .directory(new File("/"))
                .start();
        long deadline = System.nanoTime() + START_TIMEOUT.toNanos();
        while (!client.alive()) {
            if (!process.isAlive()) {
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
        command.addAll(self());
        command.addAll(List.of(
                "daemon",
                "--root",
                config.root().toString(),
                "--run",
                config.run().toString()));
        command.addAll(options.forDaemon());
        return command;
    }

    /** The launcher, or this JVM's command if there is none. */
    private static List<String> self() {
        String launcher = System.getenv("RAFTER_LAUNCHER");
        if (launcher != null) {
            return List.of(launcher);
        }
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        return List.of(
                java,
                "-XX:+UseSerialGC",
                "-Xmx96m",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName());
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
