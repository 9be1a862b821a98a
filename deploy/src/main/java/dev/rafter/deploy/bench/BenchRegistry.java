package dev.rafter.deploy.bench;

import dev.rafter.deploy.harness.Shell;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;

/**
 * The registry with the benchmark's images, which {@code deploy/images/bench.sh} builds the first time and keeps in a folder. It is
 * ended with the benchmark, if it was started for it.
 */
final class BenchRegistry implements AutoCloseable {
    private static final String HOST = "127.0.0.1";

    private final Path folder;
    private final int port;
    private final boolean ours;
    private final FileChannel lock;

    private BenchRegistry(Path folder, int port, boolean ours, FileChannel lock) {
        this.folder = folder;
        this.port = port;
        this.ours = ours;
        this.lock = lock;
    }

    /** @param large whether the large image is needed too */
    static BenchRegistry open(Path home, Path folder, int port, boolean large)
            throws IOException, InterruptedException {
        FileChannel lock = lock(folder);
        try {
            return open(home, folder, port, large, lock);
        } catch (IOException | InterruptedException | RuntimeException e) {
            lock.close();
            throw e;
        }
    }

    /** One benchmark a folder: two would spoil each other's figures, and remove each other's files. */
    private static FileChannel lock(Path folder) throws IOException {
        Path file = folder.resolve("bench.lock");
        FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        if (channel.tryLock() == null) {
            channel.close();
            throw new IOException(
                    "another benchmark runs in " + folder + ": wait for its end, or choose another --work");
        }
        return channel;
    }

    private static BenchRegistry open(Path home, Path folder, int port, boolean large, FileChannel lock)
            throws IOException, InterruptedException {
        boolean ran = Shell.tryRun(Duration.ofSeconds(5), "curl", "-fs", "http://" + HOST + ":" + port + "/v2/")
                        .status()
                == 0;
        ProcessBuilder images = new ProcessBuilder(
                "bash", home.resolve("deploy/images/bench.sh").toString());
        images.environment().put("BENCH_DIR", folder.toString());
        images.environment().put("REG", HOST + ":" + port);
        if (large) {
            images.environment().put("LARGE", "1");
        }
        System.out.print(Shell.tryRun(Duration.ofMinutes(60), images).orThrow());
        return new BenchRegistry(folder, port, !ran, lock);
    }

    String host() {
        return HOST + ":" + port;
    }

    InetSocketAddress address() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    }

    /** What has to be in the page cache before a sample. */
    List<Path> data() {
        return List.of(folder.resolve("registry"));
    }

    @Override
    public void close() throws IOException {
        lock.close();
        if (ours) {
            long pid = Long.parseLong(
                    Files.readString(folder.resolve("registry.pid")).strip());
            ProcessHandle.of(pid).ifPresent(ProcessHandle::destroy);
        }
    }
}
