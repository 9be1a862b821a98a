package dev.rafter.registry;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.oci.Descriptor;
import dev.rafter.oci.Digest;
import dev.rafter.registry.auth.CredentialSource;
import dev.rafter.registry.auth.Credentials;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import mockwebserver3.RecordedRequest;
import mockwebserver3.SocketEffect;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Pushing where something on the way, or the registry, is not as one would wish. */
@Timeout(60)
class PushFaultsTest {
    private final List<RecordedRequest> requests = new CopyOnWriteArrayList<>();
    private final List<AutoCloseable> open = new ArrayList<>();

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable closeable : open.reversed()) {
            closeable.close();
        }
    }

    private static byte[] bytes(int size) {
        byte[] bytes = new byte[size];
        new Random(size).nextBytes(bytes);
        return bytes;
    }

    private static Descriptor blob(byte[] content) {
        return new Descriptor("m/m", Digest.sha256(content), content.length);
    }

    private static MockResponse status(int code) {
        return new MockResponse.Builder().code(code).build();
    }

    private String serve(Function<RecordedRequest, MockResponse> answers) throws IOException {
        MockWebServer server = FaultsTest.serve(requests, answers);
        open.add(server);
        return "127.0.0.1:" + server.getPort();
    }

    private Images images(RegistryOptions options) {
        Images images = new Images(options);
        open.add(images);
        return images;
    }

    private static ImageReference reference(String host, String name) {
        return ImageReference.parse(host + "/" + name + ":1");
    }

    /** Debian's docker-registry behind something that cuts the first connections. */
    @Test
    void aRealRegistryGetsAnUploadThatBreaks(@TempDir Path directory) throws Exception {
        byte[] content = bytes(3_000_000);
        DockerRegistry registry = DockerRegistry.start(directory, "");
        open.add(registry);
        CuttingProxy proxy = new CuttingProxy(registry.host(), 1_200_000, 3);
        open.add(proxy);
        Images images = images(FaultsTest.quick().withUploadChunkBytes(500_000));
        ImageTarget target = images.target(reference(proxy.host(), "cut/app"));
        target.putBlob(blob(content), () -> new ByteArrayInputStream(content));
        assertEquals(3, proxy.cuts());
        ImageSource source = images.open(reference(registry.host(), "cut/app"));
        assertArrayEquals(content, source.blob(blob(content)).readAllBytes());
    }

    /** Each attempt comes as far as the last, and none to the end: that is no progress. */
    @Test
    void anUploadThatAlwaysBreaksIsGivenUp(@TempDir Path directory) throws Exception {
        byte[] content = bytes(3_000_000);
        DockerRegistry registry = DockerRegistry.start(directory, "");
        open.add(registry);
        CuttingProxy proxy = new CuttingProxy(registry.host(), 1_200_000, Integer.MAX_VALUE);
        open.add(proxy);
        ImageTarget target =
                images(FaultsTest.quick().withUploadChunkBytes(500_000)).target(reference(proxy.host(), "cut/app"));
        RegistryException e = assertThrows(
                RegistryException.class, () -> target.putBlob(blob(content), () -> new ByteArrayInputStream(content)));
        assertEquals(RegistryException.Reason.UNREACHABLE, e.reason());
        assertTrue(proxy.cuts() < 20, proxy.cuts() + " times");
    }

    @Test
    void aBlobOfOneByteCanBeSentInChunks() throws Exception {
        byte[] content = bytes(1);
        AtomicInteger puts = new AtomicInteger();
        String host = serve(request -> switch (request.getMethod()) {
            case "HEAD" -> status(404);
            case "POST", "PATCH" ->
                new MockResponse.Builder()
                        .code(202)
                        .addHeader("Location", "/upload/1")
                        .addHeader("Range", "0-0")
                        .build();
            default ->
                puts.incrementAndGet() == 1
                        ? new MockResponse.Builder()
                                .onResponseStart(new SocketEffect.CloseSocket())
                                .build()
                        : status(201);
        });
        images(FaultsTest.quick())
                .target(reference(host, "app"))
                .putBlob(blob(content), () -> new ByteArrayInputStream(content));
        assertEquals(2, puts.get());
    }

    /** A token for both repositories is refused by some token servers, where others give one for less. */
    @Test
    void aBlobThatMayNotBeMountedIsNoFailure() throws Exception {
        byte[] content = bytes(10);
        MockWebServer tokens = FaultsTest.serve(
                new CopyOnWriteArrayList<>(),
                request -> request.getBody().utf8().contains("from%2Fapp")
                        ? status(403)
                        : new MockResponse.Builder()
                                .body("{\"token\":\"good\"}")
                                .build());
        open.add(tokens);
        String host = serve(request -> "Bearer good".equals(request.getHeaders().get("Authorization"))
                ? status(404)
                : new MockResponse.Builder()
                        .code(401)
                        .addHeader(
                                "WWW-Authenticate", "Bearer realm=\"http://127.0.0.1:" + tokens.getPort() + "/token\"")
                        .build());
        Images images = images(FaultsTest.quick().withCredentials(new CredentialSource() {
            @Override
            public Credentials find(String of) {
                return new Credentials.Basic("me", "secret");
            }

            @Override
            public String describe() {
                return "the test";
            }
        }));
        ImageTarget target = images.target(reference(host, "to/app"));
        assertFalse(target.mountBlob(blob(content), images.open(reference(host, "from/app"))));
        assertFalse(target.hasBlob(blob(content)));
    }

    /** The upload that was begun instead of a mount is given up, and whether that works is nobody's business. */
    @Test
    void anUploadThatCannotBeGivenUpIsNoFailure() throws Exception {
        byte[] content = bytes(10);
        String host = serve(request -> request.getMethod().equals("POST")
                ? new MockResponse.Builder()
                        .code(202)
                        .addHeader("Location", "/upload/1")
                        .build()
                : new MockResponse.Builder()
                        .onResponseStart(new SocketEffect.CloseSocket())
                        .build());
        Images images = images(FaultsTest.quick());
        ImageTarget target = images.target(reference(host, "to/app"));
        assertFalse(target.mountBlob(blob(content), images.open(reference(host, "from/app"))));
        assertEquals(
                1,
                requests.stream()
                        .filter(request -> request.getMethod().equals("POST"))
                        .count());
    }

    /** Who reads from a registry and writes to it with what he reads must not wait for himself. */
    @Test
    void uploadsDoNotWaitForTheReadsThatTheyNeed() throws Exception {
        byte[] content = bytes(100_000);
        String host = serve(request -> switch (request.getMethod()) {
            case "HEAD" -> status(404);
            case "POST" ->
                new MockResponse.Builder()
                        .code(202)
                        .addHeader("Location", "/upload/1")
                        .build();
            case "PUT" -> status(201);
            default ->
                new MockResponse.Builder()
                        .body(new okio.Buffer().write(content))
                        .build();
        });
        Images images = images(FaultsTest.quick().withMaxRequestsPerHost(2));
        ImageSource source = images.open(reference(host, "from/app"));
        ImageTarget target = images.target(reference(host, "to/app"));
        List<Callable<Void>> copies = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            copies.add(() -> {
                try (var reading = source.range(blob(content), 0, content.length, Duration.ofSeconds(30))) {
                    // An upload cannot open its content twice here, nor need it.
                    target.putBlob(blob(content), () -> Channels.newInputStream(reading));
                }
                return null;
            });
        }
        runAll(copies);
    }

    /** Everybody is refused at first, and the token comes from the same host, as Harbor has it. */
    @Test
    void aTokenDoesNotWaitForTheReadersThatNeedIt() throws Exception {
        byte[] content = bytes(1000);
        AtomicInteger port = new AtomicInteger();
        String host = serve(request -> {
            if (request.getTarget().startsWith("/token")) {
                return new MockResponse.Builder().body("{\"token\":\"good\"}").build();
            }
            return "Bearer good".equals(request.getHeaders().get("Authorization"))
                    ? new MockResponse.Builder()
                            .body(new okio.Buffer().write(content))
                            .build()
                    : new MockResponse.Builder()
                            .code(401)
                            .addHeader("WWW-Authenticate", "Bearer realm=\"http://127.0.0.1:" + port.get() + "/token\"")
                            .build();
        });
        port.set(Integer.parseInt(host.substring(host.indexOf(':') + 1)));
        ImageSource source =
                images(FaultsTest.quick().withMaxRequestsPerHost(2)).open(reference(host, "app"));
        List<Callable<Void>> readers = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            readers.add(() -> {
                try (var reading = source.range(blob(content), 0, content.length, Duration.ofSeconds(10))) {
                    assertArrayEquals(content, Channels.newInputStream(reading).readAllBytes());
                }
                return null;
            });
        }
        runAll(readers);
    }

    private static void runAll(List<Callable<Void>> tasks) throws Exception {
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (Future<Void> task : threads.invokeAll(tasks)) {
                task.get();
            }
        }
    }
}
