package dev.rafter.registry;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** A way to a server that cuts connections when they have carried so many bytes there, a few times, and then no more. */
final class CuttingProxy implements AutoCloseable {
    private final String host;
    private final long afterBytes;
    private final ServerSocket listening;
    private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
    private final AtomicInteger cutsLeft;
    private final AtomicInteger cuts = new AtomicInteger();

    CuttingProxy(String host, long afterBytes, int cuts) throws IOException {
        this.host = host;
        this.afterBytes = afterBytes;
        this.cutsLeft = new AtomicInteger(cuts);
        this.listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        Thread.ofVirtual().start(this::accept);
    }

    String host() {
        return "127.0.0.1:" + listening.getLocalPort();
    }

    int cuts() {
        return cuts.get();
    }

    private void accept() {
        int colon = host.lastIndexOf(':');
        try {
            while (true) {
                Socket client = listening.accept();
                Socket server = new Socket(host.substring(0, colon), Integer.parseInt(host.substring(colon + 1)));
                sockets.add(client);
                sockets.add(server);
                Thread.ofVirtual().start(() -> forward(client, server, true));
                Thread.ofVirtual().start(() -> forward(server, client, false));
            }
        } catch (IOException _) {
            // closed
        }
    }

    private void forward(Socket from, Socket to, boolean there) {
        byte[] buffer = new byte[8192];
        long sum = 0;
        try (from;
                to;
                InputStream in = from.getInputStream();
                OutputStream out = to.getOutputStream()) {
            for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
                out.write(buffer, 0, count);
                sum += there ? count : 0;
                if (sum > afterBytes && cutsLeft.getAndDecrement() > 0) {
                    cuts.incrementAndGet();
                    return;
                }
            }
        } catch (IOException _) {
            // one of them is gone, and so is the other
        }
    }

    @Override
    public void close() throws IOException {
        listening.close();
        for (Socket socket : sockets) {
            socket.close();
        }
    }
}
