package dev.rafter.registry;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.oci.Descriptor;
import dev.rafter.oci.Digest;
import dev.rafter.registry.auth.CredentialSource;
import dev.rafter.registry.auth.Credentials;
import dev.rafter.registry.http.HostSettings;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import mockwebserver3.Dispatcher;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import mockwebserver3.RecordedRequest;
import mockwebserver3.SocketEffect;
import okio.Buffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A registry that sends its readers and writers to a storage on another host: where that is is remembered, and credentials stay at home. */
@Timeout(60)
class RedirectsTest {
    private static final byte[] CONTENT = "some content".getBytes(StandardCharsets.UTF_8);
    private static final Descriptor BLOB = new Descriptor("m/m", Digest.sha256(CONTENT), CONTENT.length);

    private final List<RecordedRequest> requests = new CopyOnWriteArrayList<>();
    private final List<RecordedRequest> stored = new CopyOnWriteArrayList<>();
    private final List<AutoCloseable> open = new ArrayList<>();
    private MockWebServer registry;
    private MockWebServer storage;
    private volatile Function<RecordedRequest, MockResponse> storageAnswers;
    /** What is behind the question mark of the addresses that the registry gives. */
    private volatile String query;

    @BeforeEach
    void start() throws IOException {
        query = "X-Sig=s1gnature";
        storageAnswers = _ -> content();
        storage = FaultsTest.serve(stored, request -> storageAnswers.apply(request));
        open.add(storage);
        registry = FaultsTest.serve(
                requests,
                request -> request.getHeaders().get("Authorization") == null
                        ? new MockResponse.Builder()
                                .code(401)
                                .addHeader("WWW-Authenticate", "Basic realm=\"x\"")
                                .build()
                        : answer(request));
        open.add(registry);
    }

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable closeable : open.reversed()) {
            closeable.close();
        }
    }

    private MockResponse answer(RecordedRequest request) {
        boolean upload = request.getMethod().equals("POST");
        return request.getMethod().equals("HEAD")
                ? status(404)
                : new MockResponse.Builder()
                        .code(upload ? 202 : 307)
                        .addHeader("Location", location(storage))
                        .build();
    }

    private String location(MockWebServer at) {
        return "http://127.0.0.1:" + at.getPort() + "/bucket/blob?" + query;
    }

    private static MockResponse content() {
        return new MockResponse.Builder().body(new Buffer().write(CONTENT)).build();
    }

    private static MockResponse status(int code) {
        return new MockResponse.Builder().code(code).build();
    }

    private Images images(RegistryOptions options) {
        Images images = new Images(options.withCredentials(new CredentialSource() {
            @Override
            public Credentials find(String host) {
                return new Credentials.Basic("me", "s3cr3t");
            }

            @Override
            public String describe() {
                return "the test";
            }
        }));
        open.add(images);
        return images;
    }

    private ImageReference reference() {
        return ImageReference.parse("127.0.0.1:" + registry.getPort() + "/some/app:1");
    }

    private static void read(ImageSource source) throws IOException {
        ByteBuffer all = ByteBuffer.allocate(100);
        try (ReadableByteChannel channel = source.range(BLOB, 0, CONTENT.length, Duration.ofSeconds(20))) {
            while (channel.read(all) >= 0) {
                // until the end
            }
        }
        assertArrayEquals(CONTENT, Arrays.copyOf(all.array(), all.position()));
    }

    private static String all(Throwable e) {
        StringWriter text = new StringWriter();
        e.printStackTrace(new PrintWriter(text));
        return text.toString();
    }

    private long askedForTheBlob() {
        return requests.stream()
                .filter(request -> request.getHeaders().get("Authorization") != null)
                .count();
    }

    private void assertNoCredentialsLeft() {
        assertFalse(stored.isEmpty());
        for (RecordedRequest request : stored) {
            assertNull(request.getHeaders().get("Authorization"), request::toString);
        }
    }

    @Test
    void whereABlobIsIsAskedOnce() throws Exception {
        ImageSource source = images(FaultsTest.quick()).open(reference());
        for (int i = 0; i < 4; i++) {
            read(source);
        }
        assertEquals(1, askedForTheBlob());
        assertEquals(4, stored.size());
        assertNoCredentialsLeft();
    }

    /** Signed addresses of S3, of Google's storage, and of CloudFront; all good for a second. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "X-Amz-Date=x&X-Amz-Expires=1&X-Sig=y",
                "X-Goog-Expires=1",
                "Key-Pair-Id=x&Expires=SOON&Signature=y"
            })
    void anAddressIsAskedForAgainBeforeItExpires(String signed) throws Exception {
        query = signed.replace("SOON", String.valueOf(Instant.now().getEpochSecond() + 1));
        ImageSource source = images(FaultsTest.quick()).open(reference());
        read(source);
        assertEquals(1, askedForTheBlob());
        Thread.sleep(1100);
        read(source);
        assertEquals(2, askedForTheBlob());
    }

    @ParameterizedTest
    @ValueSource(ints = {400, 401, 403, 404, 410, 500, 503})
    void anAddressThatIsRefusedIsAskedForAgain(int code) throws Exception {
        ImageSource source = images(FaultsTest.quick()).open(reference());
        read(source);
        query = "X-Sig=another";
        storageAnswers = request -> request.getTarget().endsWith("another") ? content() : status(code);
        read(source);
        read(source);
        assertEquals(2, askedForTheBlob());
    }

    @Test
    void aStorageThatBreaksIsAskedForAgainAtTheRegistry() throws Exception {
        ImageSource source = images(FaultsTest.quick()).open(reference());
        read(source);
        query = "X-Sig=another";
        storageAnswers = request -> request.getTarget().endsWith("another")
                ? content()
                : new MockResponse.Builder()
                        .onResponseStart(new SocketEffect.CloseSocket())
                        .build();
        read(source);
        assertEquals(2, askedForTheBlob());
    }

    @Test
    void noFailureShowsASignedAddress() throws Exception {
        ImageSource source = images(FaultsTest.quick()).open(reference());
        List<MockResponse> failures = List.of(
                status(403),
                status(500),
                status(416),
                new MockResponse.Builder().body("short").build(),
                new MockResponse.Builder()
                        .code(206)
                        .addHeader("Content-Range", "x")
                        .build(),
                new MockResponse.Builder()
                        .code(302)
                        .addHeader("Location", "gopher://x?X-Sig=s1gnature")
                        .build(),
                new MockResponse.Builder()
                        .onResponseStart(new SocketEffect.CloseSocket())
                        .build(),
                content()
                        .newBuilder()
                        .onResponseBody(new SocketEffect.CloseSocket())
                        .build());
        for (MockResponse failure : failures) {
            storageAnswers = _ -> failure;
            RegistryException e = assertThrows(RegistryException.class, () -> read(source), failure.toString());
            assertFalse(all(e).contains("s1gnature") || all(e).contains("s3cr3t"), all(e));
            assertFalse(e.url().contains("?"), e.url());
        }
        storage.close();
        RegistryException e = assertThrows(RegistryException.class, () -> read(source));
        assertFalse(all(e).contains("s1gnature"), all(e));
        assertNoCredentialsLeft();
    }

    /** As some registries do: the upload goes to another host, which may be anybody's. */
    @Test
    void anUploadToAnotherHostTakesNoCredentialsThere() throws Exception {
        storageAnswers = request -> status(request.getMethod().equals("PUT") ? 201 : 400);
        ImageTarget target = images(FaultsTest.quick()).target(reference());
        target.putBlob(BLOB, () -> new ByteArrayInputStream(CONTENT));
        assertTrue(stored.getLast().getTarget().startsWith("/bucket/blob?X-Sig=s1gnature&digest="));
        assertEquals(CONTENT.length, stored.getLast().getBodySize());
        assertNoCredentialsLeft();
    }

    /** TLS ends where a registry sends its readers on without it; nothing is asked there. */
    @Test
    void fromTlsThereIsNoWayToPlainHttp(@TempDir Path directory) throws Exception {
        MockWebServer secure = new MockWebServer();
        open.add(secure);
        secure.useHttps(context(directory).getSocketFactory());
        secure.setDispatcher(new Dispatcher() {
            @Override
            public MockResponse dispatch(RecordedRequest request) {
                return answer(request);
            }
        });
        secure.start();
        String host = "localhost:" + secure.getPort();
        Images images =
                images(FaultsTest.quick().withHosts(Map.of(host, new HostSettings(List.of(), List.of(), true))));
        ImageReference reference = ImageReference.parse(host + "/some/app:1");
        RegistryException pull = assertThrows(RegistryException.class, () -> read(images.open(reference)));
        assertTrue(pull.getMessage().contains("from TLS to plain HTTP"), pull.getMessage());
        RegistryException push = assertThrows(
                RegistryException.class,
                () -> images.target(reference).putBlob(BLOB, () -> new ByteArrayInputStream(CONTENT)));
        assertTrue(push.getMessage().contains("from TLS to plain HTTP"), push.getMessage());
        assertEquals(List.of(), stored);
    }

    private static SSLContext context(Path directory) throws Exception {
        Path file = directory.resolve("server.p12");
        DockerRegistry.run(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair",
                "-keyalg",
                "EC",
                "-alias",
                "server",
                "-dname",
                "CN=localhost",
                "-storetype",
                "PKCS12",
                "-storepass",
                "changeit",
                "-keystore",
                file.toString());
        KeyStore keys = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(file)) {
            keys.load(in, "changeit".toCharArray());
        }
        KeyManagerFactory managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        managers.init(keys, "changeit".toCharArray());
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(managers.getKeyManagers(), null, null);
        return context;
    }
}
