package dev.rafter.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(20)
class ApiServerTest {
    @TempDir
    Path directory;

    private Path socket;
    private final Recorder service = new Recorder();
    private ApiServer server;
    private ApiClient client;

    @BeforeEach
    void start() throws IOException {
        socket = directory.resolve("rafter.sock");
        server = ApiServer.start(socket, service);
        client = new ApiClient(socket);
    }

    @AfterEach
    void stop() throws IOException {
        server.close();
    }

    @Test
    void aMountGoesThereAndItsViewComesBack() throws IOException {
        MountRequest request = new MountRequest("r/a:1", "/m ü", null, true, List.of("r"), null, null);
        MountView view = client.mount(request);
        assertEquals(List.of(request), service.requests);
        assertEquals("/m ü", view.directory());
        assertEquals(List.of(view), client.mounts());
        client.unmount("/m ü");
        assertEquals(List.of(), client.mounts());
    }

    @Test
    void aFailureKeepsItsKindAndMessage() {
        FailureException e = assertThrows(
                FailureException.class,
                () -> client.mount(new MountRequest("bad", "/m", null, null, null, null, null)));
        assertEquals(FailureKind.IMAGE, e.kind());
        assertEquals("bad: is \"bad\"", e.getMessage());
    }

    @Test
    void wrongRequestsAreAnsweredAndTheConnectionGoesOn() throws IOException {
        try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
            assertTrue(ask(channel, "POST /v1/mounts", "{\"imag\": 1}").startsWith("HTTP/1.1 400"));
            assertTrue(ask(channel, "GET /nothing", "").startsWith("HTTP/1.1 404"));
            assertTrue(ask(channel, "GET /healthz", "").endsWith("ok\n"));
        }
    }

    @Test
    void aBugIsAnAnswerToo() throws IOException {
        FailureException e = assertThrows(
                FailureException.class,
                () -> client.mount(new MountRequest("bug", "/m", null, null, null, null, null)));
        assertEquals(FailureKind.FAILURE, e.kind());
        assertTrue(
                String.valueOf(e.getMessage()).contains("unexpected: java.lang.AssertionError: found"), e.getMessage());
        assertTrue(client.alive());
    }

    @Test
    void aPathThatNoSocketCanHaveIsTheNodesToChange() {
        Path deep = directory.resolve("d".repeat(100)).resolve("rafter.sock");
        FailureException e = assertThrows(FailureException.class, () -> ApiServer.start(deep, service));
        assertEquals(FailureKind.NODE, e.kind());
        assertTrue(
                String.valueOf(e.getMessage()).contains("at most 107 bytes: choose a shorter --run"), e.getMessage());
    }

    @Test
    void metricsAreText() throws IOException {
        assertEquals("rafter_mounts 0\n", client.metrics());
    }

    @Test
    void aDeadSocketIsReplacedAndASocketThatIsGoneIsNotAlive() throws IOException {
        assertTrue(client.alive());
        server.close();
        assertFalse(Files.exists(socket));
        assertFalse(client.alive());
        Files.createFile(socket);
        server = ApiServer.start(socket, service);
        assertTrue(client.alive());
    }

    private static String ask(SocketChannel channel, String what, String body) throws IOException {
        String request = what + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + body.length() + "\r\n\r\n" + body;
        channel.write(ByteBuffer.wrap(request.getBytes(StandardCharsets.UTF_8)));
        ByteBuffer answer = ByteBuffer.allocate(4096);
        channel.read(answer);
        return new String(answer.array(), 0, answer.position(), StandardCharsets.UTF_8);
    }

    private static final class Recorder implements DaemonService {
        final List<MountRequest> requests = new ArrayList<>();
        final List<MountView> views = new ArrayList<>();

        @Override
        public synchronized MountView mount(MountRequest request) throws IOException {
            if (request.image().equals("bad")) {
                throw new FailureException(FailureKind.IMAGE, "bad: is \"bad\"");
            }
            if (request.image().equals("bug")) {
                throw new AssertionError("found");
            }
            requests.add(request);
            MountView view = new MountView(request.directory(), request.image(), "sha256:0", "lazy", "", List.of());
            views.add(view);
            return view;
        }

        @Override
        public synchronized void unmount(String directory) {
            views.removeIf(view -> view.directory().equals(directory));
        }

        @Override
        public synchronized List<MountView> mounts() {
            return List.copyOf(views);
        }

        @Override
        public List<ImageView> images() {
            return List.of();
        }

        @Override
        public StatusView status() {
            return new StatusView("0", 1, "/", "/", "none", false, 0, 0);
        }

        @Override
        public String metrics() {
            return "rafter_mounts 0\n";
        }

        @Override
        public void restart() {}

        @Override
        public void stop() {}
    }
}
