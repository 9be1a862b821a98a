package dev.rafter.api;

import dev.rafter.failure.Failure;
import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URLEncoder;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** Speaks to a daemon over its socket: HTTP/1.1, one connection a request. */
public final class ApiClient {
    private static final byte[] NOTHING = new byte[0];

    private final Path socket;

    public ApiClient(Path socket) {
        this.socket = socket;
    }

    /** Whether a daemon answers. */
    public boolean alive() {
        try {
            ask("GET", "/healthz", NOTHING);
            return true;
        } catch (IOException _) {
            return false;
        }
    }

    public MountView mount(MountRequest request) throws IOException {
        return Json.parse(ask("POST", "/v1/mounts", Json.bytes(request)), MountView.class);
    }

    public void unmount(String directory) throws IOException {
        ask("DELETE", "/v1/mounts?directory=" + URLEncoder.encode(directory, StandardCharsets.UTF_8), NOTHING);
    }

    public List<MountView> mounts() throws IOException {
        return Json.parseList(ask("GET", "/v1/mounts", NOTHING), MountView.class);
    }

    public List<ImageView> images() throws IOException {
        return Json.parseList(ask("GET", "/v1/images", NOTHING), ImageView.class);
    }

    public StatusView status() throws IOException {
        return Json.parse(ask("GET", "/v1/status", NOTHING), StatusView.class);
    }

    public String metrics() throws IOException {
        return new String(ask("GET", "/metrics", NOTHING), StandardCharsets.UTF_8);
    }

    public void restart() throws IOException {
        ask("POST", "/v1/restart", NOTHING);
    }

    public void stop() throws IOException {
        ask("POST", "/v1/stop", NOTHING);
    }

    private byte[] ask(String method, String uri, byte[] body) throws IOException {
        byte[] answer = exchange(method, uri, body);
        int headerEnd = headerEnd(answer);
        String head = new String(answer, 0, headerEnd, StandardCharsets.ISO_8859_1);
        byte[] content = Arrays.copyOfRange(answer, headerEnd + 4, answer.length);
        int status = Integer.parseInt(head.substring(9, 12));
        if (status >= 300) {
            Failure failure = Json.parse(content, Failure.class);
            throw new FailureException(failure.kind(), failure.message());
        }
        return content;
    }

    private byte[] exchange(String method, String uri, byte[] body) throws IOException {
        String head = method + " " + uri + " HTTP/1.1\r\nHost: rafter\r\nConnection: close\r\nContent-Length: "
                + body.length + "\r\n\r\n";
        ByteArrayOutputStream answer = new ByteArrayOutputStream();
        try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
            write(channel, head.getBytes(StandardCharsets.ISO_8859_1));
            write(channel, body);
            ByteBuffer buffer = ByteBuffer.allocate(16 << 10);
            while (channel.read(buffer) >= 0) {
                answer.write(buffer.array(), 0, buffer.position());
                buffer.clear();
            }
        }
        return answer.toByteArray();
    }

    private static void write(SocketChannel channel, byte[] bytes) throws IOException {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
    }

    private int headerEnd(byte[] answer) throws FailureException {
        String text = new String(answer, StandardCharsets.ISO_8859_1);
        int end = text.indexOf("\r\n\r\n");
        if (end < 12 || !text.startsWith("HTTP/1.1 ")) {
            throw new FailureException(
                    FailureKind.FAILURE, "the daemon at " + socket + " ended before it answered; see its log");
        }
        return end;
    }
}
