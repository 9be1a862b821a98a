package dev.rafter.snapshotter;

import io.grpc.Server;
import io.grpc.netty.NettyServerBuilder;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerDomainSocketChannel;
import java.io.Closeable;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * Serves a {@link Snapshotter} by gRPC on a Unix socket that only its owner may use. Each call runs in a virtual thread: those that
 * wait for a registry hold up nobody.
 */
public final class SnapshotterServer implements Closeable {
    private static final Duration DRAIN = Duration.ofSeconds(5);

    private final Path socket;
    private final Server server;
    private final EventLoopGroup events;
    private final ExecutorService calls;

    private SnapshotterServer(Path socket, Server server, EventLoopGroup events, ExecutorService calls) {
        this.socket = socket;
        this.server = server;
        this.events = events;
        this.calls = calls;
    }

    /**
     * Listens; a socket that is left from before is replaced.
     *
     * @param socket its folder is made, private, if it is not there
     * @param containerd containerd's own socket, to make lost layers again
     */
    public static SnapshotterServer start(Path socket, Snapshotter snapshotter, Path containerd) throws IOException {
        return start(socket, snapshotter, (namespace, plugin) -> new ContainerdClient(containerd, namespace, plugin));
    }

    static SnapshotterServer start(Path socket, Snapshotter snapshotter, Containerd.Connector containerd)
            throws IOException {
        makePrivateFolder(socket);
        Path next = socket.resolveSibling(socket.getFileName() + ".new");
        Files.deleteIfExists(next);
        EventLoopGroup events = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
        ExecutorService calls = Executors.newThreadPerTaskExecutor(
                Thread.ofVirtual().name("snapshotter-", 0).factory());
        Server server = NettyServerBuilder.forAddress(UnixDomainSocketAddress.of(next))
                .bossEventLoopGroup(events)
                .workerEventLoopGroup(events)
                .channelType(NioServerDomainSocketChannel.class)
                .executor(calls)
                .addService(new SnapshotsService(snapshotter, new LostLayers(snapshotter, containerd)))
                .build();
        SnapshotterServer started = new SnapshotterServer(socket, server, events, calls);
        started.listen(next);
        return started;
    }

    private static void makePrivateFolder(Path socket) throws IOException {
        Path folder = socket.toAbsolutePath().getParent();
        if (folder != null && !Files.isDirectory(folder)) {
            Files.createDirectories(folder);
            Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
        }
    }

    /**
     * The socket gets its name only when a call was answered: containerd tries again for as long as there is none, but not when it is
     * refused, or when a second passes between connecting and the first bytes, as in a program that answers for the first time.
     */
    private void listen(Path next) throws IOException {
        try {
            server.start();
            try (GrpcCaller first = GrpcCaller.connect(next)) {
                first.call("/", new byte[0]);
            }
            Files.setPosixFilePermissions(next, PosixFilePermissions.fromString("rw-------"));
            Files.move(next, socket, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            close();
            throw new IOException("cannot listen on " + socket + ": " + e.getMessage(), e);
        }
    }

    public Path socket() {
        return socket;
    }

    /** Lets calls that run come to their end, within a few seconds. */
    @Override
    public void close() throws IOException {
        Files.deleteIfExists(socket);
        var _ = server.shutdown();
        try {
            if (!server.awaitTermination(DRAIN.toSeconds(), TimeUnit.SECONDS)) {
                var _ = server.shutdownNow();
            }
        } catch (InterruptedException _) {
            var _ = server.shutdownNow();
            Thread.currentThread().interrupt();
        }
        var _ = events.shutdownGracefully(0, 1, TimeUnit.SECONDS);
        calls.shutdown();
    }
}
