package dev.rafter.deploy.harness;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * containerd as a child process with its own root, state, socket and shims' folder. Everything is below one folder, so several can live
 * side by side. Containers run with runc, in the host's cgroup.
 */
public final class Containerd implements AutoCloseable {
    private final Path binaries;
    private final Path folder;
    private final String extraConfiguration;
    private Process process;

    private Containerd(Path binaries, Path folder, String extraConfiguration) throws IOException, InterruptedException {
        this.binaries = binaries;
        this.folder = folder;
        this.extraConfiguration = extraConfiguration;
        process = launch();
    }

    /**
     * Starts one.
     *
     * @param binaries folder of containerd, ctr and the shim
     * @param folder where all that is its own is put; a short path, sockets lie in it
     * @param extraConfiguration TOML appended to its configuration, as proxy_plugins; may begin with its version
     */
    public static Containerd start(Path binaries, Path folder, String extraConfiguration)
            throws IOException, InterruptedException {
        return new Containerd(binaries, folder, extraConfiguration);
    }

    private Process launch() throws IOException, InterruptedException {
        Files.createDirectories(folder);
        Path configuration = folder.resolve("config.toml");
        boolean saysVersion = extraConfiguration.startsWith("version = ");
        int rest = saysVersion ? extraConfiguration.indexOf('\n') + 1 : 0;
        Files.writeString(
                configuration,
                (saysVersion ? extraConfiguration.substring(0, rest) : "version = 2\n")
                        + """
                root = "%1$s/root"
                state = "%1$s/state"
                [grpc]
                  address = "%1$s/containerd.sock"
                [ttrpc]
                  address = "%1$s/containerd.sock.ttrpc"
                """.formatted(folder)
                        + extraConfiguration.substring(rest));
        ProcessBuilder builder = new ProcessBuilder(
                        binaries.resolve("containerd").toString(), "--config", configuration.toString())
                .redirectErrorStream(true)
                .redirectOutput(Redirect.appendTo(log().toFile()));
        builder.environment().merge("PATH", binaries.toString(), (path, own) -> own + ":" + path);
        Process started = builder.start();
        awaitAnswer(started);
        return started;
    }

    private void awaitAnswer(Process started) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        while (tryCtr(Duration.ofSeconds(5), "version").status() != 0) {
            if (!started.isAlive() || System.nanoTime() > deadline) {
                Shell.kill(started);
                throw new IOException("containerd does not answer; its log:\n" + Files.readString(log()));
            }
            started.waitFor(Duration.ofMillis(50));
        }
    }

    public Path log() {
        return folder.resolve("containerd.log");
    }

    public Path socket() {
        return folder.resolve("containerd.sock");
    }

    /** Runs ctr in the namespace "default"; it has to succeed. */
    public String ctr(String... arguments) throws IOException, InterruptedException {
        return tryCtr(Duration.ofMinutes(5), arguments).orThrow();
    }

    public Shell.Result tryCtr(Duration timeout, String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(binaries.resolve("ctr").toString());
        command.add("--address");
        command.add(socket().toString());
        command.addAll(List.of(arguments));
        return Shell.tryRun(timeout, new ProcessBuilder(command));
    }

    /** kill -9 of containerd alone: its shims and containers live on. */
    public void kill() {
        process.destroyForcibly();
        Shell.stop(process);
    }

    /** Ends it, if it runs, and starts it again on the same folder. */
    public void restart() throws IOException, InterruptedException {
        Shell.stop(process);
        process = launch();
    }

    /** Ends it, and what it has left: shims know it by its socket, and the processes of containers are theirs. */
    @Override
    public void close() {
        Shell.stop(process);
        for (ProcessHandle shim :
                ProcessHandle.allProcesses().filter(this::isShim).toList()) {
            List<ProcessHandle> containers = shim.descendants().toList();
            shim.destroyForcibly();
            containers.forEach(ProcessHandle::destroyForcibly);
        }
    }

    private boolean isShim(ProcessHandle other) {
        return other.info().command().orElse("").endsWith("/containerd-shim-runc-v2")
                && Arrays.asList(other.info().arguments().orElse(new String[0])).contains(socket().toString());
    }
}
