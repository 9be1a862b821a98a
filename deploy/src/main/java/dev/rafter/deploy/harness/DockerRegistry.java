package dev.rafter.deploy.harness;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/** Debian's docker-registry as a child process, on a free port of 127.0.0.1, without authentication. */
public final class DockerRegistry implements AutoCloseable {
    private final Path folder;
    private final int port;
    private Process process;

    private DockerRegistry(Path folder, int port, Process process) {
        this.folder = folder;
        this.port = port;
        this.process = process;
    }

    /** Starts one that keeps its blobs and its log in a folder. */
    public static DockerRegistry start(Path folder) throws IOException, InterruptedException {
        Files.createDirectories(folder);
        int port = FreePort.find();
        return new DockerRegistry(folder, port, launch(folder, port));
    }

    private static Process launch(Path folder, int port) throws IOException, InterruptedException {
        Path configuration = folder.resolve("registry.yml");
        Files.writeString(configuration, """
                version: 0.1
                log: {level: warn}
                storage:
                  filesystem: {rootdirectory: %s}
                  delete: {enabled: true}
                http: {addr: "127.0.0.1:%d", relativeurls: true}
                """.formatted(folder.resolve("data"), port));
        Process process = new ProcessBuilder("docker-registry", "serve", configuration.toString())
                .redirectErrorStream(true)
                .redirectOutput(Redirect.appendTo(folder.resolve("registry.log").toFile()))
                .start();
        awaitPort(process, port);
        return process;
    }

    private static void awaitPort(Process process, int port) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
        while (!accepts(port)) {
            if (!process.isAlive() || System.nanoTime() > deadline) {
                Shell.kill(process);
                throw new IOException("docker-registry does not answer on port " + port);
            }
            process.waitFor(Duration.ofMillis(20));
        }
    }

    private static boolean accepts(int port) {
        try (Socket _ = new Socket(InetAddress.getLoopbackAddress(), port)) {
            return true;
        } catch (IOException _) {
            return false;
        }
    }

    /** "127.0.0.1:PORT". */
    public String host() {
        return "127.0.0.1:" + port;
    }

    public InetSocketAddress address() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    }

    /** Where it keeps its blobs. */
    public Path data() {
        return folder.resolve("data");
    }

    /** Ends the process; {@link #resume()} brings it back on the same port, with the same blobs. */
    public void suspend() {
        Shell.stop(process);
    }

    public void resume() throws IOException, InterruptedException {
        process = launch(folder, port);
    }

    @Override
    public void close() {
        Shell.stop(process);
    }
}
