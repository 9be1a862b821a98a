package dev.rafter.deploy.harness;

import dev.rafter.cli.Main;
import java.io.File;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Rafter itself, below a folder of its own: the daemon as a child process as the launcher would start it, and commands of the command
 * line, which run in this process.
 */
public final class Rafter implements AutoCloseable {
    private final Path folder;
    private final List<String> options;

    private Rafter(Path folder, List<String> options) {
        this.folder = folder;
        this.options = options;
    }

    /**
     * One whose {@code --root} and {@code --run} are below a folder. Nothing runs until a command needs the daemon.
     *
     * @param options global options for every command, as "--plain-http"
     */
    public static Rafter in(Path folder, String... options) {
        return new Rafter(folder, List.of(options));
    }

    public Path root() {
        return folder.resolve("root");
    }

    public Path run() {
        return folder.resolve("run");
    }

    /** Runs a command; fails if its exit code is not 0. */
    public void command(String... arguments) throws IOException {
        int code = tryCommand(arguments);
        if (code != 0) {
            throw new IOException("rafter " + String.join(" ", arguments) + ": exit code " + code);
        }
    }

    /** Runs a command in this process; gives its exit code. Output goes where ours goes. */
    public int tryCommand(String... arguments) {
        List<String> all = new ArrayList<>(List.of(arguments));
        all.addAll(List.of("--root", root().toString(), "--run", run().toString()));
        all.addAll(options);
        return Main.run(all.toArray(String[]::new));
    }

    /** The command line as a process of its own, with all our jars. */
    public ProcessBuilder process(String... arguments) {
        return process(List.of(), arguments);
    }

    private ProcessBuilder process(List<String> before, String... arguments) {
        List<String> command = new ArrayList<>(before);
        command.addAll(java("-Xmx96m", "dev.rafter.cli.Main"));
        command.addAll(List.of(arguments));
        command.addAll(List.of("--root", root().toString(), "--run", run().toString()));
        command.addAll(options);
        return new ProcessBuilder(command);
    }

    private static List<String> java(String heap, String main) {
        return List.of(
                Path.of(System.getProperty("java.home"), "bin/java").toString(),
                "-XX:+UseSerialGC",
                heap,
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                main);
    }

    /** Runs a command as a process of its own, to see its output and exit code. */
    public Shell.Result shell(String... arguments) throws IOException, InterruptedException {
        return Shell.tryRun(Duration.ofMinutes(2), process(arguments));
    }

    /** Starts a daemon with its supervisor, which is the child; their log is appended to daemon.log. */
    public Process startDaemon() throws IOException {
        Files.createDirectories(folder);
        File log = folder.resolve("daemon.log").toFile();
        return process(java("-Xmx16m", "dev.rafter.fdstore.Supervisor"), "daemon")
                .redirectErrorStream(true)
                .redirectOutput(Redirect.appendTo(log))
                .start();
    }

    /** Unmounts everything and ends the daemon, if there is one. */
    @Override
    public void close() {
        if (Files.exists(run().resolve("rafter.sock"))) {
            tryCommand("stop");
        }
    }
}
