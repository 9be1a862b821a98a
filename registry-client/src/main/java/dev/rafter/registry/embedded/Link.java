package dev.rafter.registry.embedded;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;

/**
 * A TCP proxy on loopback that makes a local registry look as if it were at the far end of a link.
 *
 * <p>A byte's way: source socket, link (when is its turn at the rate?), delay line (until that turn plus half the round trip),
 * destination socket. Four threads a connection. Close it to end all connections.
 */
public final class Link implements AutoCloseable {
    /** The most that a connection sends before others get their turn. */
    private static final int QUANTUM_BYTES = 16 << 10;
    /** How far ahead of the link's clock a connection may book its turn: covers coarse sleeps, so that the link is never idle. */
    private static final long HEADROOM_NANOS = 3_000_000;
    /** What may wait in a delay line beyond the bandwidth-delay product, and without a rate. */
    private static final int SPARE_WINDOW_BYTES = 1 << 20;

    /** The first byte of a TLS ClientHello (RFC 8446, 5.1); no HTTP request begins so. */
    private static final byte TLS_HANDSHAKE = 0x16;

    private static final int UNLIMITED_WINDOW_BYTES = 64 << 20;

    private final LinkSpeed speed;
    private final InetSocketAddress upstream;
    private final ServerSocket listener;
    private final Direction up;
    private final Direction down;
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private final Counters counters = new Counters();

    private Link(LinkSpeed speed, InetSocketAddress upstream) throws IOException {
        this.speed = speed;
        this.upstream = upstream;
        up = new Direction(speed);
        down = new Direction(speed);
        listener = new ServerSocket(0, 128, InetAddress.getLoopbackAddress());
    }

    /** Opens a link to an upstream on a free port of 127.0.0.1. */
    public static Link open(LinkSpeed speed, InetSocketAddress upstream) throws IOException {
        Link link = new Link(speed, upstream);
        Thread.ofPlatform().daemon().name("link-accept").start(link::accept);
        return link;
    }

    /** "127.0.0.1:PORT": what to use in place of the upstream. */
    public String host() {
        return "127.0.0.1:" + listener.getLocalPort();
    }

    public LinkSpeed speed() {
        return speed;
    }

    public LinkCounts counts() {
        return counters.snapshot();
    }

    public void resetCounts() {
        counters.reset();
    }

    @Override
    public void close() throws IOException {
        listener.close();
        for (Socket socket : open) {
            socket.close();
        }
    }

    private void accept() {
        while (!listener.isClosed()) {
            try {
                Socket client = listener.accept();
                open.add(client);
                Thread.ofPlatform().daemon().name("link-connect").start(() -> connect(client));
            } catch (IOException _) {
                return; // closed
            }
        }
    }

    private void connect(Socket client) {
        counters.connections.increment();
        sleepUntil(System.nanoTime() + speed.roundTrip().toNanos());
        try {
            Socket server = new Socket();
            open.add(server);
            server.connect(upstream, 5_000);
            server.setTcpNoDelay(true);
            client.setTcpNoDelay(true);
            RequestWatch watch = new RequestWatch(counters);
            carry(client, server, up, refusingTls(client, watch::sent));
            carry(server, client, down, (_, length) -> watch.received(length));
        } catch (IOException _) {
            drop(client);
        }
    }

    /**
     * Whoever tries TLS first is told so at once: servers of plain HTTP tend to wait for the end of that line. Only the first byte of a
     * connection says so; any later one may be content.
     */
    private Notice refusingTls(Socket client, Notice notice) {
        AtomicBoolean begun = new AtomicBoolean();
        return (data, length) -> {
            if (!begun.getAndSet(true) && data[0] == TLS_HANDSHAKE) {
                drop(client);
            }
            notice.bytes(data, length);
        };
    }

    private void carry(Socket from, Socket to, Direction direction, Notice notice) {
        DelayLine delayLine = new DelayLine(windowBytes());
        Thread.ofPlatform().daemon().name("link-collect").start(() -> collect(from, direction, delayLine, notice));
        Thread.ofPlatform().daemon().name("link-deliver").start(() -> deliver(to, delayLine));
    }

    private int windowBytes() {
        if (speed.isUnlimited()) {
            return UNLIMITED_WINDOW_BYTES;
        }
        double product = speed.bytesPerSecond() * (speed.roundTrip().toNanos() / 1e9);
        return (int) Math.min(product + SPARE_WINDOW_BYTES, UNLIMITED_WINDOW_BYTES);
    }

    private void collect(Socket from, Direction direction, DelayLine delayLine, Notice notice) {
        long halfNanos = speed.roundTrip().toNanos() / 2;
        try {
            InputStream in = from.getInputStream();
            byte[] buffer = new byte[QUANTUM_BYTES];
            for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                notice.bytes(buffer, n);
                long turn = direction.book(n);
                sleepUntil(turn - HEADROOM_NANOS);
                delayLine.add(new Parcel(Arrays.copyOf(buffer, n), turn + halfNanos));
            }
        } catch (IOException _) {
            // The connection ends here; what was collected is still delivered.
        }
        delayLine.end();
    }

    private void deliver(Socket to, DelayLine delayLine) {
        try {
            OutputStream out = to.getOutputStream();
            for (Parcel parcel = delayLine.take(); !parcel.isEnd(); parcel = delayLine.take()) {
                sleepUntil(parcel.dueNanos());
                out.write(parcel.bytes());
            }
            to.shutdownOutput();
        } catch (IOException _) {
            drop(to);
        } finally {
            delayLine.abandon();
        }
        if (to.isInputShutdown() || to.isClosed()) {
            drop(to);
        }
    }

    private void drop(Socket socket) {
        open.remove(socket);
        try {
            socket.close();
        } catch (IOException _) {
            // closed is closed
        }
    }

    private static void sleepUntil(long nanoTime) {
        for (long left = nanoTime - System.nanoTime(); left > 0; left = nanoTime - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }

    private interface Notice {
        void bytes(byte[] data, int length);
    }

    private record Parcel(byte[] bytes, long dueNanos) {
        static final Parcel END = new Parcel(new byte[0], 0);

        boolean isEnd() {
            return bytes.length == 0;
        }
    }

    /** Bytes under way; a reader that stops stops its writer. */
    private static final class DelayLine {
        private final BlockingQueue<Parcel> parcels = new LinkedBlockingQueue<>();
        private final Semaphore window;
        private final int windowBytes;

        DelayLine(int windowBytes) {
            this.windowBytes = windowBytes;
            window = new Semaphore(windowBytes);
        }

        void add(Parcel parcel) {
            window.acquireUninterruptibly(parcel.bytes().length);
            parcels.add(parcel);
        }

        void end() {
            parcels.add(Parcel.END);
        }

        Parcel take() throws IOException {
            try {
                Parcel parcel = parcels.take();
                window.release(parcel.bytes().length);
                return parcel;
            } catch (InterruptedException e) {
                throw new IOException("interrupted", e);
            }
        }

        /** Nobody takes any more: the writer must not wait for room. */
        void abandon() {
            window.release(windowBytes);
        }
    }

    /** Counts of what passed. */
    static final class Counters {
        final LongAdder connections = new LongAdder();
        final LongAdder requests = new LongAdder();
        private final LongAdder manifestBytes = new LongAdder();
        private final LongAdder blobBytes = new LongAdder();
        private final LongAdder otherBytes = new LongAdder();

        void received(RequestWatch.Kind kind, int bytes) {
            switch (kind) {
                case MANIFEST -> manifestBytes.add(bytes);
                case BLOB -> blobBytes.add(bytes);
                case OTHER -> otherBytes.add(bytes);
            }
        }

        LinkCounts snapshot() {
            return new LinkCounts(
                    connections.sum(), requests.sum(), manifestBytes.sum(), blobBytes.sum(), otherBytes.sum());
        }

        void reset() {
            connections.reset();
            requests.reset();
            manifestBytes.reset();
            blobBytes.reset();
            otherBytes.reset();
        }
    }
}
