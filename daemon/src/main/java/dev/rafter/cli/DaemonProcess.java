package dev.rafter.cli;

import dev.rafter.api.ApiClient;
import dev.rafter.config.Config;
import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import java.io.File;
import java.io.IOException;
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
    private static final int LOG_TAIL_LINES = 20;

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
        Process process = new ProcessBuilder(command(config, options))
                .redirectInput(new File("/dev/null"))
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
                .redirectErrorStream(true)
                .directory(new File("/"))
                .start();
        long deadline = System.nanoTime() + START_TIMEOUT.toNanos();
        while (!client.alive()) {
            if (!process.isAlive() || System.nanoTime() > deadline) {
                throw new FailureException(
                        FailureKind.FAILURE,
                        "the daemon did not start; the end of its log, " + log + ":\n" + tail(log));
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

    private static String tail(Path log) throws IOException {
        List<String> lines = Files.readAllLines(log);
        return String.join("\n", lines.subList(Math.max(0, lines.size() - LOG_TAIL_LINES), lines.size()));
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
