package dev.rafter.api;

import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerDomainSocketChannel;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpServerKeepAliveHandler;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Phaser;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Serves the HTTP interface on a Unix socket. One event loop moves bytes; each request is answered on a virtual thread. The socket's
 * directory must be private: whoever may connect may do everything.
 */
public final class ApiServer implements AutoCloseable {
    private static final int MAX_REQUEST_BYTES = 64 << 10;
    /** Of {@code sun_path} in unix(7), its NUL left out. */
    private static final int MAX_SOCKET_PATH_BYTES = 107;

    private static final int LAST_ANSWERS_SECONDS = 2;

    private final Path socket;
    private final EventLoopGroup loop;
    private final Channel listening;
    private final Phaser underway;

    private ApiServer(Path socket, EventLoopGroup loop, Channel listening, Phaser underway) {
        this.socket = socket;
        this.loop = loop;
        this.listening = listening;
        this.underway = underway;
    }

    /** Listens; replaces a socket file that a daemon left behind. */
    public static ApiServer start(Path socket, DaemonService service) throws IOException {
        requireShort(socket);
        Files.deleteIfExists(socket);
        Router router = new Router(service);
        Phaser underway = new Phaser(1);
        EventLoopGroup loop = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
        ServerBootstrap bootstrap = new ServerBootstrap()
                .group(loop)
                .channel(NioServerDomainSocketChannel.class)
                .childHandler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        channel.pipeline()
                                .addLast(new HttpServerCodec())
                                .addLast(new HttpServerKeepAliveHandler())
                                .addLast(new HttpObjectAggregator(MAX_REQUEST_BYTES))
                                .addLast(new ApiHandler(router, underway));
                    }
                });
        var bound = bootstrap.bind(UnixDomainSocketAddress.of(socket)).awaitUninterruptibly();
        if (!bound.isSuccess()) {
            loop.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
            throw new FailureException(
                    FailureKind.NODE,
                    "cannot listen on " + socket + ": " + bound.cause().getMessage(),
                    bound.cause());
        }
        return new ApiServer(socket, loop, bound.channel(), underway);
    }

    private static void requireShort(Path socket) throws FailureException {
        if (socket.toString().getBytes(StandardCharsets.UTF_8).length > MAX_SOCKET_PATH_BYTES) {
            throw new FailureException(
                    FailureKind.NODE,
                    "the socket " + socket + " cannot be made: the path of a socket has at most "
                            + MAX_SOCKET_PATH_BYTES + " bytes: choose a shorter --run");
        }
    }

    @Override
    public void close() throws IOException {
        listening.close().awaitUninterruptibly();
        awaitAnswers();
        loop.shutdownGracefully(0, 2, TimeUnit.SECONDS).awaitUninterruptibly();
        Files.deleteIfExists(socket);
    }

    /** Who asked the daemon to stop is waiting for an answer too. */
    private void awaitAnswers() {
        try {
            underway.awaitAdvanceInterruptibly(underway.arriveAndDeregister(), LAST_ANSWERS_SECONDS, TimeUnit.SECONDS);
        } catch (TimeoutException _) {
            // they get no answer then
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
