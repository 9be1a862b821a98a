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
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import mockwebserver3.RecordedRequest;
import okio.Buffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Who we are to registries, token servers and the storage behind them, and that nobody else learns it. */
@Timeout(60)
class LoginTest {
    private static final byte[] CONTENT = "some content".getBytes(StandardCharsets.UTF_8);
    private static final Descriptor BLOB = new Descriptor("m/m", Digest.sha256(CONTENT), CONTENT.length);
    private static final String SECRET = "s3cr3t-pass";
    private static final String BASIC =
            "Basic " + Base64.getEncoder().encodeToString(("me:" + SECRET).getBytes(StandardCharsets.UTF_8));

    private final List<RecordedRequest> requests = new CopyOnWriteArrayList<>();
    private final List<AutoCloseable> open = new ArrayList<>();

    /** The registry of a test: what it accepts and asks for may change under way. */
    private volatile String accepted = "";

    private volatile String challenge = "";
    private volatile int refusal = 401;

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable closeable : open.reversed()) {
            closeable.close();
        }
    }

    private MockWebServer serve(
            List<RecordedRequest> kept, java.util.function.Function<RecordedRequest, MockResponse> answers)
            throws IOException {
        MockWebServer server = FaultsTest.serve(kept, answers);
        open.add(server);
        return server;
    }

    private MockWebServer registry() throws IOException {
        return serve(
                requests,
                request -> accepted.equals(String.valueOf(request.getHeaders().get("Authorization")))
                        ? content()
                        : new MockResponse.Builder()
                                .code(refusal)
                                .addHeader("WWW-Authenticate", challenge)
                                .body("{\"errors\":[{\"code\":\"UNAUTHORIZED\",\"message\":\"who are you\"}]}")
                                .build());
    }

    private static MockResponse content() {
        return new MockResponse.Builder().body(new Buffer().write(CONTENT)).build();
    }

    private ImageSource source(MockWebServer server, CredentialSource credentials) throws IOException {
        Images images = new Images(FaultsTest.quick().withCredentials(credentials));
        open.add(images);
        return images.open(ImageReference.parse("127.0.0.1:" + server.getPort() + "/some/app:1"));
    }

    private static CredentialSource always(Credentials credentials) {
        return new CredentialSource() {
            @Override
            public Credentials find(String host) {
                return credentials;
            }

            @Override
            public String describe() {
                return "/home/me/.docker/config.json";
            }
        };
    }

    private static void read(ImageSource source) throws IOException {
        ByteBuffer all = ByteBuffer.allocate(100);
        try (ReadableByteChannel channel = source.range(BLOB, 0, CONTENT.length, Duration.ofSeconds(10))) {
            while (channel.read(all) >= 0) {
                // until the end
            }
        }
        assertArrayEquals(CONTENT, java.util.Arrays.copyOf(all.array(), all.position()));
    }

    private static String all(Throwable e) {
        StringWriter text = new StringWriter();
        e.printStackTrace(new PrintWriter(text));
        return text.toString();
    }

    @Test
    void basicIsSentFromTheSecondRequestOn() throws Exception {
        accepted = BASIC;
        challenge = "Basic realm=\"x\"";
        ImageSource source = source(registry(), always(new Credentials.Basic("me", SECRET)));
        for (int i = 0; i < 3; i++) {
            read(source);
        }
        assertEquals(4, requests.size());
        assertNull(requests.getFirst().getHeaders().get("Authorization"));
    }

    @Test
    void wrongAndMissingCredentialsAreSaidWithoutThem() throws Exception {
        accepted = "nothing";
        challenge = "Basic realm=\"x\"";
        MockWebServer server = registry();
        String host = "127.0.0.1:" + server.getPort();
        RegistryException wrong = assertThrows(
                RegistryException.class, () -> read(source(server, always(new Credentials.Basic("me", SECRET)))));
        assertEquals(RegistryException.Reason.UNAUTHORIZED, wrong.reason());
        assertTrue(
                wrong.getMessage()
                        .contains("the credentials for " + host + " in /home/me/.docker/config.json were not accepted"),
                wrong.getMessage());
        assertFalse(all(wrong).contains(SECRET) || all(wrong).contains(BASIC.substring(6)), all(wrong));
        RegistryException missing =
                assertThrows(RegistryException.class, () -> read(source(server, always(new Credentials.Anonymous()))));
        assertTrue(
                missing.getMessage()
                        .contains("no credentials for " + host + " in /home/me/.docker/config.json: docker login "
                                + host),
                missing.getMessage());
    }

    private MockWebServer tokenServer(
            List<RecordedRequest> kept, boolean knowsPost, String expiresIn, AtomicInteger given) throws IOException {
        MockWebServer server = serve(kept, request -> {
            boolean post = request.getMethod().equals("POST");
            if (post && !knowsPost) {
                return new MockResponse.Builder().code(405).build();
            }
            boolean known = post
                    ? request.getBody().utf8().contains("password=" + SECRET)
                            || request.getBody().utf8().contains("refresh_token=identity")
                    : BASIC.equals(request.getHeaders().get("Authorization"));
            if (!known) {
                return new MockResponse.Builder().code(401).build();
            }
            accepted = "Bearer token" + given.incrementAndGet();
            return new MockResponse.Builder()
                    .body("{\"access_token\":\"token" + given.get() + "\"" + expiresIn + "}")
                    .build();
        });
        challenge = "Bearer realm=\"http://127.0.0.1:" + server.getPort()
                + "/token\",service=\"the service\",scope=\"repository:some/app:pull\"";
        return server;
    }

    @Test
    void aTokenIsFetchedOnceForManyReaders() throws Exception {
        List<RecordedRequest> tokenRequests = new CopyOnWriteArrayList<>();
        tokenServer(tokenRequests, true, ",\"expires_in\":300", new AtomicInteger());
        ImageSource source = source(registry(), always(new Credentials.Basic("me", SECRET)));
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Callable<Void>> readers = new ArrayList<>();
            for (int i = 0; i < 24; i++) {
                readers.add(() -> {
                    read(source);
                    return null;
                });
            }
            for (Future<Void> reader : threads.invokeAll(readers)) {
                reader.get();
            }
        }
        assertEquals(1, tokenRequests.size());
        String form = tokenRequests.getFirst().getBody().utf8();
        assertTrue(form.contains("grant_type=password") && form.contains("service=the+service"), form);
        assertTrue(form.contains("scope=repository%3Asome%2Fapp%3Apull"), form);
        int before = requests.size();
        read(source);
        assertEquals(before + 1, requests.size());
    }

    @Test
    void mountingAsksForBothRepositories() throws Exception {
        List<RecordedRequest> tokenRequests = new CopyOnWriteArrayList<>();
        tokenServer(tokenRequests, true, ",\"expires_in\":300", new AtomicInteger());
        MockWebServer server = serve(
                requests,
                request -> accepted.equals(request.getHeaders().get("Authorization"))
                        ? new MockResponse.Builder().code(201).build()
                        : new MockResponse.Builder()
                                .code(401)
                                .addHeader("WWW-Authenticate", challenge)
                                .build());
        Images images = new Images(FaultsTest.quick().withCredentials(always(new Credentials.Basic("me", SECRET))));
        open.add(images);
        String host = "127.0.0.1:" + server.getPort();
        ImageTarget target = images.target(ImageReference.parse(host + "/to/app:1"));
        assertTrue(target.mountBlob(BLOB, images.open(ImageReference.parse(host + "/from/app:1"))));
        String form = tokenRequests.getFirst().getBody().utf8();
        assertTrue(form.contains("scope=repository%3Afrom%2Fapp%3Apull+repository%3Ato%2Fapp%3Apull%2Cpush"), form);
        assertEquals(
                "/v2/to/app/blobs/uploads/?mount=" + BLOB.digest().toString().replace(":", "%3A") + "&from=from%2Fapp",
                requests.getLast().getTarget());
    }

    @Test
    void whereThereIsNoPostAGetWithBasicFetchesIt() throws Exception {
        List<RecordedRequest> tokenRequests = new CopyOnWriteArrayList<>();
        tokenServer(tokenRequests, false, "", new AtomicInteger());
        read(source(registry(), always(new Credentials.Basic("me", SECRET))));
        assertEquals(
                List.of("POST", "GET"),
                tokenRequests.stream().map(RecordedRequest::getMethod).toList());
        String target = tokenRequests.get(1).getTarget();
        assertEquals("/token?service=the+service&scope=repository%3Asome%2Fapp%3Apull", target);
    }

    @Test
    void anIdentityTokenIsARefreshToken() throws Exception {
        List<RecordedRequest> tokenRequests = new CopyOnWriteArrayList<>();
        tokenServer(tokenRequests, true, "", new AtomicInteger());
        read(source(registry(), always(new Credentials.IdentityToken("identity"))));
        assertTrue(tokenRequests.getFirst().getBody().utf8().contains("grant_type=refresh_token"));
    }

    @Test
    void aRegistryTokenIsShownAsItIs() throws Exception {
        accepted = "Bearer raw";
        challenge = "Bearer realm=\"http://127.0.0.1:1/token\"";
        read(source(registry(), always(new Credentials.RegistryToken("raw"))));
    }

    @Test
    void withoutCredentialsATokenIsAskedForAsNobody() throws Exception {
        List<RecordedRequest> tokenRequests = new CopyOnWriteArrayList<>();
        MockWebServer tokens = serve(tokenRequests, _ -> {
            accepted = "Bearer anybody";
            return new MockResponse.Builder().body("{\"token\":\"anybody\"}").build();
        });
        challenge = "Basic realm=\"x\", Bearer realm=\"http://127.0.0.1:" + tokens.getPort() + "/t?a=b\"";
        read(source(registry(), CredentialSource.NONE));
        assertEquals("GET", tokenRequests.getFirst().getMethod());
        assertTrue(
                tokenRequests.getFirst().getTarget().startsWith("/t?a=b&scope="),
                tokenRequests.getFirst().getTarget());
        assertNull(tokenRequests.getFirst().getHeaders().get("Authorization"));
    }

    @Test
    void aTokenThatIsRefusedOrOldIsRenewed() throws Exception {
        AtomicInteger given = new AtomicInteger();
        tokenServer(new CopyOnWriteArrayList<>(), true, ",\"expires_in\":1", given);
        ImageSource source = source(registry(), always(new Credentials.Basic("me", SECRET)));
        read(source);
        assertEquals(1, given.get());
        accepted = "revoked";
        read(source);
        assertEquals(2, given.get());
        Thread.sleep(1000);
        int before = requests.size();
        read(source);
        assertEquals(3, given.get());
        assertEquals(before + 1, requests.size(), "sent with a token that had expired");
    }

    @Test
    void wrongCredentialsAtTheTokenServerAreSaidWithoutThem() throws Exception {
        tokenServer(new CopyOnWriteArrayList<>(), true, "", new AtomicInteger());
        RegistryException e = assertThrows(
                RegistryException.class, () -> read(source(registry(), always(new Credentials.Basic("me", "wr0ng")))));
        assertEquals(RegistryException.Reason.UNAUTHORIZED, e.reason());
        assertTrue(e.getMessage().contains("docker login"), e.getMessage());
        assertFalse(all(e).contains("wr0ng"), all(e));
    }

    @Test
    void credentialsAreReadAgainWhenTheyNoLongerServe() throws Exception {
        accepted = BASIC;
        challenge = "Basic realm=\"x\"";
        AtomicInteger asked = new AtomicInteger();
        CredentialSource source = new CredentialSource() {
            @Override
            public Credentials find(String host) {
                return new Credentials.Basic("me", asked.incrementAndGet() == 1 ? SECRET : "renewed");
            }

            @Override
            public String describe() {
                return "test";
            }
        };
        ImageSource image = source(registry(), source);
        read(image);
        // As ECR does: 403 and no challenge when a password of twelve hours has had its day.
        refusal = 403;
        challenge = "";
        accepted = "Basic " + Base64.getEncoder().encodeToString("me:renewed".getBytes(StandardCharsets.UTF_8));
        read(image);
        assertEquals(2, asked.get());
    }

    @Test
    void otherHostsGetNoCredentialsAndAreRemembered() throws Exception {
        accepted = BASIC;
        challenge = "Basic realm=\"x\"";
        List<RecordedRequest> stored = new CopyOnWriteArrayList<>();
        AtomicInteger generation = new AtomicInteger(1);
        MockWebServer storage = serve(
                stored,
                request -> request.getTarget().equals("/bucket/blob?X-Sig=" + generation.get())
                        ? content()
                        : new MockResponse.Builder().code(403).build());
        MockWebServer registry = serve(
                requests,
                request -> BASIC.equals(request.getHeaders().get("Authorization"))
                        ? new MockResponse.Builder()
                                .code(307)
                                .addHeader(
                                        "Location",
                                        "http://127.0.0.1:" + storage.getPort() + "/bucket/blob?X-Sig="
                                                + generation.get())
                                .build()
                        : new MockResponse.Builder()
                                .code(401)
                                .addHeader("WWW-Authenticate", challenge)
                                .build());
        ImageSource source = source(registry, always(new Credentials.Basic("me", SECRET)));
        for (int i = 0; i < 5; i++) {
            read(source);
        }
        assertEquals(2, requests.size(), "the registry was asked where the blob is more than once");
        generation.set(2);
        read(source);
        read(source);
        assertEquals(3, requests.size());
        for (RecordedRequest request : stored) {
            assertNull(request.getHeaders().get("Authorization"));
        }
        generation.set(-1);
        accepted = "";
        RegistryException e = assertThrows(RegistryException.class, () -> {
            generation.set(3);
            storage.setDispatcher(new mockwebserver3.Dispatcher() {
                @Override
                public MockResponse dispatch(RecordedRequest request) {
                    return new MockResponse.Builder().code(403).build();
                }
            });
            read(source);
        });
        assertFalse(all(e).contains("X-Sig"), all(e));
        assertTrue(e.getMessage().contains("through 127.0.0.1"), e.getMessage());
    }
}
