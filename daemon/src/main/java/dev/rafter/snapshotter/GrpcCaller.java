package dev.rafter.snapshotter;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.Closeable;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;

/**
 * Makes gRPC calls on a Unix socket, one after the other, and does not look at the answers: with none of the classes and threads that a
 * real client would leave in memory. Speaks just the HTTP/2 (RFC 9113, with RFC 7541's plainest header encoding) that this takes.
 */
final class GrpcCaller implements Closeable {
    private static final byte[] PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(US_ASCII);
    private static final int LARGEST_FRAME_BYTES = 16 << 10;
    /** More than all answers together. */
    private static final int WINDOW_BYTES = 1 << 30;

    private static final int DATA = 0;
    private static final int HEADERS = 1;
    private static final int SETTINGS = 4;
    private static final int PING = 6;
    private static final int WINDOW_UPDATE = 8;
    private static final int ACK = 1;
    private static final int END_STREAM = 1;
    private static final int END_HEADERS = 4;

    private final SocketChannel channel;
    private final DataInputStream answers;
    private final ByteBuffer out = ByteBuffer.allocate(2 * LARGEST_FRAME_BYTES);
    private int stream = 1;

    private GrpcCaller(SocketChannel channel) {
        this.channel = channel;
        answers = new DataInputStream(Channels.newInputStream(channel));
    }

    static GrpcCaller connect(Path socket) throws IOException {
        GrpcCaller caller = new GrpcCaller(SocketChannel.open(UnixDomainSocketAddress.of(socket)));
        caller.out.put(PREFACE);
        caller.frame(SETTINGS, 0, 0, new byte[0]);
        caller.frame(
                WINDOW_UPDATE,
                0,
                0,
                ByteBuffer.allocate(Integer.BYTES).putInt(WINDOW_BYTES).array());
        caller.send();
        return caller;
    }

    /**
     * Makes a call, and waits for its end, whatever that is.
     *
     * @throws IOException if the server ends the connection
     */
    void call(String path, byte[] message) throws IOException {
        frame(HEADERS, END_HEADERS, stream, headers(path));
        frame(
                DATA,
                END_STREAM,
                stream,
                ByteBuffer.allocate(1 + Integer.BYTES + message.length)
                        .put((byte) 0) // not compressed
                        .putInt(message.length)
                        .put(message)
                        .array());
        send();
        while (!isEnd()) {
            send();
        }
        stream += 2;
    }

    /** HPACK's static table has the names of the first ones, by index; nothing is added to the dynamic one. */
    private static byte[] headers(String path) {
        ByteBuffer block = ByteBuffer.allocate(512);
        block.put((byte) 0x83); // :method POST
        block.put((byte) 0x86); // :scheme http
        literal(block.put((byte) 4), path); // :path
        literal(block.put((byte) 1), "localhost"); // :authority
        literal(literal(block.put((byte) 0), "content-type"), "application/grpc");
        literal(literal(block.put((byte) 0), "te"), "trailers");
        literal(literal(block.put((byte) 0), "containerd-namespace"), "rehearsal");
        byte[] bytes = new byte[block.flip().remaining()];
        block.get(bytes);
        return bytes;
    }

    private static ByteBuffer literal(ByteBuffer block, String text) {
        return block.put((byte) text.length()).put(text.getBytes(US_ASCII));
    }

    private void frame(int type, int flags, int stream, byte[] payload) {
        out.putInt(payload.length << 8 | type).put((byte) flags).putInt(stream).put(payload);
    }

    private void send() throws IOException {
        out.flip();
        while (out.hasRemaining()) {
            channel.write(out);
        }
        out.clear();
    }

    /** Reads a frame; answers what has to be. */
    private boolean isEnd() throws IOException {
        int lengthAndType = answers.readInt();
        int flags = answers.readUnsignedByte();
        int of = answers.readInt();
        int length = lengthAndType >>> 8;
        int type = lengthAndType & 0xff;
        if (length > LARGEST_FRAME_BYTES) {
            throw new IOException("a frame of " + length + " bytes is more than was agreed");
        }
        byte[] payload = answers.readNBytes(length);
        if (type == SETTINGS && (flags & ACK) == 0) {
            frame(SETTINGS, ACK, 0, new byte[0]);
        } else if (type == PING && (flags & ACK) == 0) {
            frame(PING, ACK, 0, payload);
        }
        return type == HEADERS && of == stream && (flags & END_STREAM) != 0;
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
