package dev.rafter.registry;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.oci.Descriptor;
import dev.rafter.oci.Digest;
import dev.rafter.oci.DocumentException;
import dev.rafter.oci.Json;
import dev.rafter.oci.MediaTypes;
import dev.rafter.registry.http.Backoff;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ReadableByteChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
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
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What networks and registries do wrong, one by one. */
@Timeout(60)
class FaultsTest {
    private static final Duration TIMEOUT = Duration.ofSeconds(10);
    private static final byte[] CONTENT = content();
    private static final Descriptor BLOB = new Descriptor("m/m", Digest.sha256(CONTENT), CONTENT.length);

    private final List<RecordedRequest> requests = new CopyOnWriteArrayList<>();
    private MockWebServer server = new MockWebServer();
    private Images images;

    private static byte[] content() {
        byte[] content = new byte[300_000];
        new Random(5).nextBytes(content);
        return content;
    }

    /** A server that answers as a function says; what it was asked is kept. */
    static MockWebServer serve(List<RecordedRequest> requests, Function<RecordedRequest, MockResponse> answers)
            throws IOException {
        MockWebServer server = new MockWebServer();
        server.setDispatcher(new Dispatcher() {
            @Override
            public MockResponse dispatch(RecordedRequest request) {
                requests.add(request);
                return answers.apply(request);
            }
        });
        server.start(InetAddress.getLoopbackAddress(), 0);
        return server;
    }

    /** Pauses that nobody notices; a machine that is busy is waited for. */
    static RegistryOptions quick() {
        return RegistryOptions.DEFAULTS
                .withTimeouts(Duration.ofSeconds(10), Duration.ofSeconds(10), Duration.ofSeconds(20))
                .withRetries(new Backoff.Policy(4, 1, 20), new Backoff.Policy(6, 1, 20));
    }

    /** For tests of servers that stall: the next byte is not waited for as long as that. */
    private void beImpatient() {
        images.close();
        images = new Images(quick().withTimeouts(Duration.ofSeconds(10), Duration.ofMillis(400), Duration.ofSeconds(20))
                .withRetries(new Backoff.Policy(100, 1, 20), new Backoff.Policy(100, 1, 20)));
    }

    @BeforeEach
    void open() {
        images = new Images(quick());
    }

    @AfterEach
    void close() {
        images.close();
        server.close();
    }

    private ImageSource source(Function<RecordedRequest, MockResponse> answers) throws IOException {
        server = serve(requests, answers);
        return images.open(ImageReference.parse("127.0.0.1:" + server.getPort() + "/app:1"));
    }

    /** Answers in turn; the last one for ever. */
    @SafeVarargs
    private static Function<RecordedRequest, MockResponse> inTurn(Function<RecordedRequest, MockResponse>... answers) {
        AtomicInteger next = new AtomicInteger();
        return request -> answers[Math.min(next.getAndIncrement(), answers.length - 1)].apply(request);
    }

    private static long[] asked(RecordedRequest request) {
        String header = request.getHeaders().get("Range");
        if (header == null) {
            return new long[] {0, CONTENT.length - 1};
        }
        String[] ends = header.replace("bytes=", "").split("-", 2);
        return new long[] {Long.parseLong(ends[0]), Long.parseLong(ends[1])};
    }

    private static MockResponse.Builder partial(RecordedRequest request) {
        long[] range = asked(request);
        return partial(range[0], range[1]);
    }

    private static MockResponse.Builder partial(long first, long last) {
        return new MockResponse.Builder()
                .code(206)
                .addHeader("Content-Range", "bytes " + first + "-" + last + "/" + CONTENT.length)
                .body(new Buffer().write(CONTENT, (int) first, (int) (last - first + 1)));
    }

    private static MockResponse good(RecordedRequest request) {
        return request.getHeaders().get("Range") == null
                ? whole()
                : partial(request).build();
    }

    private static MockResponse whole() {
        return new MockResponse.Builder().body(new Buffer().write(CONTENT)).build();
    }

    private static MockResponse status(int code) {
        return new MockResponse.Builder().code(code).build();
    }

    private static byte[] read(ImageSource source, int offset, int length) throws IOException {
        try (ReadableByteChannel channel = source.range(BLOB, offset, length, TIMEOUT)) {
            ByteBuffer all = ByteBuffer.allocate(length + 1);
            while (channel.read(all) >= 0) {
                // until the end
            }
            return Arrays.copyOf(all.array(), all.position());
        }
    }

    private static void assertRange(ImageSource source, int offset, int length) throws IOException {
        assertArrayEquals(Arrays.copyOfRange(CONTENT, offset, offset + length), read(source, offset, length));
    }

    private static RegistryException assertRefused(RegistryException.Reason reason, Executable action) {
        RegistryException e = assertThrows(RegistryException.class, action);
        assertEquals(reason, e.reason(), e.getMessage());
        return e;
    }

    @Test
    void aRangeIsOneRequestAndTheConnectionIsUsedAgain() throws Exception {
        ImageSource source = source(FaultsTest::good);
        assertRange(source, 1000, 5000);
        assertRange(source, 100, 200_000);
        assertEquals(2, requests.size());
        RecordedRequest first = requests.getFirst();
        assertEquals("GET", first.getMethod());
        assertEquals("/v2/app/blobs/" + BLOB.digest(), first.getTarget());
        assertEquals("bytes=1000-5999", first.getHeaders().get("Range"));
        assertEquals("identity", first.getHeaders().get("Accept-Encoding"));
        assertTrue(first.getHeaders().get("User-Agent").startsWith("rafter/"));
        assertEquals(0, requests.get(1).getConnectionIndex());
        assertEquals(1, requests.get(1).getExchangeIndex());
    }

    @Test
    void aBodyThatEndsEarlyIsTakenUpWhereItBroke() throws Exception {
        ImageSource source = source(inTurn(
                request -> partial(request)
                        .onResponseBody(new SocketEffect.CloseSocket())
                        .build(),
                request -> partial(request)
                        .onResponseBody(new SocketEffect.CloseSocket())
                        .build(),
                FaultsTest::good));
        assertRange(source, 1000, 200_000);
        long before = 1000;
        for (RecordedRequest request : requests) {
            assertTrue(asked(request)[0] >= before, "asked again for what had come");
            before = asked(request)[0];
        }
        assertTrue(before > 1000, "began anew");
        assertEquals(3, requests.size());
    }

    @Test
    void aWholeBlobIsTakenUpWhereItBrokeAndVerified() throws Exception {
        ImageSource source = source(inTurn(
                _ -> new MockResponse.Builder()
                        .body(new Buffer().write(CONTENT))
                        .onResponseBody(new SocketEffect.CloseSocket())
                        .build(),
                FaultsTest::good));
        try (InputStream in = source.blob(BLOB)) {
            assertArrayEquals(CONTENT, in.readAllBytes());
        }
        assertNull(requests.getFirst().getHeaders().get("Range"));
        assertTrue(asked(requests.get(1))[0] > 0);
    }

    @Test
    void connectionsThatBreakBeforeTheAnswerAreTriedAgain() throws Exception {
        ImageSource source = source(inTurn(
                _ -> new MockResponse.Builder()
                        .onResponseStart(new SocketEffect.CloseSocket())
                        .build(),
                _ -> new MockResponse.Builder()
                        .onResponseStart(new SocketEffect.CloseSocket())
                        .build(),
                FaultsTest::good));
        assertRange(source, 7, 70_000);
    }

    @Test
    void anAnswerThatStallsIsLeftAndTakenUp() throws Exception {
        beImpatient();
        ImageSource source = source(inTurn(
                request -> partial(request)
                        .onResponseBody(SocketEffect.Stall.INSTANCE)
                        .build(),
                _ -> new MockResponse.Builder()
                        .onResponseStart(SocketEffect.Stall.INSTANCE)
                        .build(),
                FaultsTest::good));
        assertRange(source, 7, 200_000);
        assertTrue(requests.size() >= 3, requests::toString);
    }

    @Test
    void theDeadlineHoldsForAllAttemptsTogether() throws Exception {
        beImpatient();
        ImageSource source = source(_ -> new MockResponse.Builder()
                .onResponseStart(SocketEffect.Stall.INSTANCE)
                .build());
        long begun = System.nanoTime();
        assertRefused(RegistryException.Reason.UNREACHABLE, () -> source.range(BLOB, 0, 10, Duration.ofSeconds(2)));
        long millis = (System.nanoTime() - begun) / 1_000_000;
        assertTrue(millis >= 1_500 && millis < 15_000, millis + " ms");
        assertTrue(requests.size() > 1, "did not try again");
    }

    @Test
    void theDeadlineHoldsForReadsToo() throws Exception {
        ImageSource source = source(request ->
                partial(request).throttleBody(1000, 100, TimeUnit.MILLISECONDS).build());
        ReadableByteChannel channel = source.range(BLOB, 0, 250_000, Duration.ofSeconds(2));
        long begun = System.nanoTime();
        ByteBuffer all = ByteBuffer.allocate(250_001);
        assertRefused(RegistryException.Reason.UNREACHABLE, () -> {
            while (channel.read(all) >= 0) {
                // until the deadline
            }
        });
        assertTrue((System.nanoTime() - begun) / 1_000_000 < 15_000);
        assertTrue(all.position() < 250_000);
    }

    @Test
    void aRegistryThatAsksForTimeGetsIt() throws Exception {
        images.close();
        images = new Images(quick().withRetries(new Backoff.Policy(4, 1, 2000), new Backoff.Policy(4, 1, 2000)));
        ImageSource source = source(inTurn(
                _ -> new MockResponse.Builder()
                        .code(429)
                        .addHeader("Retry-After", "1")
                        .build(),
                FaultsTest::good));
        long begun = System.nanoTime();
        assertRange(source, 0, 10);
        assertTrue(System.nanoTime() - begun >= 1_000_000_000L, "came back early");
    }

    @ParameterizedTest
    @ValueSource(ints = {408, 429, 500, 502, 503, 504})
    void whatMayPassIsTriedAgain(int code) throws Exception {
        ImageSource source = source(inTurn(_ -> status(code), _ -> status(code), FaultsTest::good));
        assertRange(source, 0, 10);
        assertEquals(3, requests.size());
    }

    @Test
    void whatDoesNotPassIsGivenUp() throws Exception {
        ImageSource source = source(_ -> status(503));
        RegistryException e = assertRefused(RegistryException.Reason.UNREACHABLE, () -> read(source, 0, 10));
        assertEquals(503, e.status());
        assertTrue(e.retryable());
        assertEquals(6, requests.size());
    }

    @ParameterizedTest
    @CsvSource({"400,REFUSED", "404,NOT_FOUND", "416,REFUSED", "501,REFUSED", "401,UNAUTHORIZED", "403,UNAUTHORIZED"})
    void whatIsFinalIsNotTriedAgain(int code, RegistryException.Reason reason) throws Exception {
        ImageSource source = source(_ -> new MockResponse.Builder()
                .code(code)
                .body("{\"errors\":[{\"code\":\"SOME_CODE\",\"message\":\"some\\u0007 message\"}]}")
                .build());
        RegistryException e = assertRefused(reason, () -> read(source, 0, 10));
        assertEquals(1, requests.size());
        assertEquals("SOME_CODE", e.code());
        assertTrue(e.getMessage().contains("some message"), e.getMessage());
        assertTrue(e.getMessage().contains(BLOB.digest().toString()), e.getMessage());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "bytes 0-9/300000",
                "bytes 101-110/300000",
                "bytes 100-110/300000",
                "bytes 100-109/299999",
                "bytes 100-99/300000",
                "bytes */300000",
                "100-109",
                "bytes 100-109/",
                "bytes -1-109/300000",
                "bytes 99999999999999999999-1/300000",
                ""
            })
    void aContentRangeThatLiesIsNotBelieved(String header) throws Exception {
        ImageSource source = source(_ -> new MockResponse.Builder()
                .code(206)
                .addHeader("Content-Range", header)
                .body(new Buffer().write(CONTENT, 100, 10))
                .build());
        assertRefused(RegistryException.Reason.PROTOCOL, () -> read(source, 100, 10));
        assertEquals(1, requests.size());
    }

    @Test
    void aLengthThatDoesNotFitTheRangeIsNotBelieved() throws Exception {
        ImageSource source = source(_ -> new MockResponse.Builder()
                .code(206)
                .addHeader("Content-Range", "bytes 100-109/300000")
                .body(new Buffer().write(CONTENT, 100, 50))
                .build());
        assertRefused(RegistryException.Reason.PROTOCOL, () -> read(source, 100, 10));
    }

    @Test
    void aServerThatKnowsNoRangesIsReadFromItsBeginning() throws Exception {
        ImageSource source = source(_ -> whole());
        assertRange(source, 123_456, 1000);
        assertEquals(1, requests.size());
    }

    @Test
    void aServerThatGivesLessThanAskedForIsAskedForTheRest() throws Exception {
        ImageSource source = source(request -> {
            long[] range = asked(request);
            return partial(range[0], Math.min(range[1], range[0] + 99_999)).build();
        });
        assertRange(source, 10, 250_000);
        assertEquals(3, requests.size());
    }

    @Test
    void aBlobOfAnotherLengthOrContentIsRefused() throws Exception {
        ImageSource source =
                source(inTurn(_ -> new MockResponse.Builder().body("short").build(), _ -> {
                    byte[] other = CONTENT.clone();
                    other[77] ^= 1;
                    return new MockResponse.Builder()
                            .chunkedBody(new Buffer().write(other), 1000)
                            .build();
                }));
        assertRefused(RegistryException.Reason.PROTOCOL, () -> source.blob(BLOB).readAllBytes());
        RegistryException e = assertRefused(
                RegistryException.Reason.PROTOCOL, () -> source.blob(BLOB).readAllBytes());
        assertTrue(e.getMessage().contains("other content"), e.getMessage());
    }

    @Test
    void documentsThatLieAreRefused() throws Exception {
        TestImage image = TestImage.random(1, 10);
        Function<String, MockResponse> manifest = digest -> new MockResponse.Builder()
                .addHeader("Content-Type", MediaTypes.OCI_MANIFEST)
                .addHeader("Docker-Content-Digest", digest)
                .body(new Buffer().write(image.document()))
                .build();
        ImageSource source = source(inTurn(
                _ -> manifest.apply(BLOB.digest().toString()),
                _ -> manifest.apply("none"),
                _ -> manifest.apply(image.manifest().digest().toString()),
                _ -> new MockResponse.Builder()
                        .addHeader("Content-Type", "text/html")
                        .body("{\"login\":1}")
                        .build(),
                _ -> new MockResponse.Builder()
                        .addHeader("Content-Type", "text/html")
                        .body("<html>")
                        .build(),
                _ -> new MockResponse.Builder()
                        .addHeader("Content-Type", "application/vnd.docker.distribution.manifest.v1+json")
                        .body("{}")
                        .build(),
                _ -> manifest.apply(image.manifest().digest().toString())));
        assertRefused(RegistryException.Reason.PROTOCOL, source::resolve);
        assertEquals(image.manifest(), source.resolve());
        assertEquals(image.manifest(), source.resolve());
        assertRefused(RegistryException.Reason.PROTOCOL, source::resolve);
        assertThrows(DocumentException.class, source::resolve);
        RegistryException old = assertRefused(RegistryException.Reason.PROTOCOL, source::resolve);
        assertTrue(old.getMessage().contains("schema 1"), old.getMessage());
        Descriptor other = new Descriptor(MediaTypes.OCI_MANIFEST, BLOB.digest(), 100);
        assertRefused(RegistryException.Reason.PROTOCOL, () -> source.document(other));
        Descriptor longer = new Descriptor(
                MediaTypes.OCI_MANIFEST,
                image.manifest().digest(),
                1 + image.manifest().size());
        images.close();
        images = new Images(quick());
        ImageSource fresh = images.open(ImageReference.parse("127.0.0.1:" + server.getPort() + "/app:1"));
        assertRefused(RegistryException.Reason.PROTOCOL, () -> fresh.document(longer));
    }

    @Test
    void resolvingIsOneRequestTheDocumentIncluded() throws Exception {
        TestImage image = TestImage.random(1, 10);
        ImageSource source = source(_ -> new MockResponse.Builder()
                .addHeader("Content-Type", MediaTypes.OCI_MANIFEST + "; charset=utf-8")
                .body(new Buffer().write(image.document()))
                .build());
        assertArrayEquals(image.document(), source.document(source.resolve()));
        assertEquals(1, requests.size());
        String accept = requests.getFirst().getHeaders().get("Accept");
        assertTrue(accept.contains(MediaTypes.DOCKER_MANIFEST) && accept.contains(MediaTypes.OCI_INDEX), accept);
    }

    @Test
    void aManifestWithoutEndIsNotReadToItsEnd() throws Exception {
        byte[] big = new byte[Json.MAX_DOCUMENT_BYTES + 10];
        Arrays.fill(big, (byte) ' ');
        ImageSource source = source(_ -> new MockResponse.Builder()
                .addHeader("Content-Type", MediaTypes.OCI_MANIFEST)
                .chunkedBody(new Buffer().write(big), 100_000)
                .build());
        assertRefused(RegistryException.Reason.PROTOCOL, source::resolve);
        assertEquals(1, requests.size());
    }

    @Test
    void redirectsWithoutEndAreLeft() throws Exception {
        ImageSource source = source(request -> new MockResponse.Builder()
                .code(307)
                .addHeader("Location", request.getTarget())
                .build());
        assertRefused(RegistryException.Reason.PROTOCOL, () -> read(source, 0, 10));
        assertTrue(requests.size() <= 6);
    }

    @ParameterizedTest
    @ValueSource(strings = {"ftp://elsewhere.example/x", "http:///x", "::", "file:///etc/passwd", ""})
    void redirectsToNowhereAreErrors(String location) throws Exception {
        ImageSource source = source(request -> new MockResponse.Builder()
                .code(307)
                .addHeader("Location", location)
                .build());
        assertThrows(RegistryException.class, () -> read(source, 0, 10));
    }

    @Test
    void nobodyThereIsSaid() throws Exception {
        ImageSource source = source(FaultsTest::good);
        server.close();
        RegistryException e = assertRefused(RegistryException.Reason.UNREACHABLE, source::resolve);
        assertTrue(e.getMessage().contains("127.0.0.1:" + server.getPort() + " cannot be reached"), e.getMessage());
        assertTrue(e.retryable());
    }

    @Test
    void whoNamesAnAuthorityWantsTlsOfThisMachineToo() throws Exception {
        images.close();
        images = new Images(quick().withAuthorities(List.of(Path.of("/no/such/authority.pem"))));
        ImageSource source = source(FaultsTest::good);
        IOException e = assertThrows(IOException.class, () -> read(source, 0, 10));
        assertTrue(e.toString().contains("/no/such/authority.pem"), e::toString);
        assertEquals(0, requests.size());
    }

    @Test
    void whoClosesARangeWakesItsReader() throws Exception {
        images.close();
        images = new Images(RegistryOptions.DEFAULTS);
        ImageSource source = source(request ->
                partial(request).onResponseBody(SocketEffect.Stall.INSTANCE).build());
        ReadableByteChannel channel = source.range(BLOB, 0, 250_000, Duration.ofSeconds(30));
        CompletableFuture<Throwable> ended = new CompletableFuture<>();
        Thread.startVirtualThread(() -> {
            ByteBuffer all = ByteBuffer.allocate(250_001);
            try {
                while (channel.read(all) >= 0) {
                    // until it is closed
                }
                ended.complete(null);
            } catch (IOException e) {
                ended.complete(e);
            }
        });
        Thread.sleep(200);
        channel.close();
        assertInstanceOf(ClosedChannelException.class, ended.get(20, TimeUnit.SECONDS));
        assertEquals(1, requests.size());
    }

    @Test
    void whoClosesARangeWakesItsReaderThatConnectsAnew() throws Exception {
        images.close();
        images = new Images(
                quick().withTimeouts(Duration.ofSeconds(10), Duration.ofSeconds(60), Duration.ofSeconds(60)));
        ImageSource source = source(inTurn(
                request -> partial(request)
                        .onResponseBody(new SocketEffect.CloseSocket())
                        .build(),
                request -> partial(request)
                        .onResponseStart(SocketEffect.Stall.INSTANCE)
                        .build()));
        ReadableByteChannel channel = source.range(BLOB, 0, 250_000, Duration.ofSeconds(60));
        CompletableFuture<Throwable> ended = new CompletableFuture<>();
        Thread.startVirtualThread(() -> {
            try {
                while (channel.read(ByteBuffer.allocate(250_001)) >= 0) {
                    // until it is closed
                }
                ended.complete(new AssertionError("it ended"));
            } catch (IOException e) {
                ended.complete(Thread.currentThread().isInterrupted() ? new AssertionError("interrupted") : e);
            }
        });
        while (requests.size() < 2) {
            Thread.sleep(10);
        }
        channel.close();
        assertInstanceOf(ClosedChannelException.class, ended.get(20, TimeUnit.SECONDS));
    }

    @Test
    void readsAreLimitedPerHostAndUploadsAreNot() throws Exception {
        images.close();
        images = new Images(quick().withMaxRequestsPerHost(1));
        ImageSource source = source(FaultsTest::good);
        ReadableByteChannel first = source.range(BLOB, 0, 200_000, TIMEOUT);
        assertRefused(RegistryException.Reason.UNREACHABLE, () -> source.range(BLOB, 0, 10, Duration.ofMillis(200)));
        first.close();
        assertRange(source, 0, 10);
    }

    @Test
    void anUploadThatBreaksGoesOnInChunks() throws Exception {
        images.close();
        images = new Images(quick().withUploadChunkBytes(100_000));
        Buffer received = new Buffer();
        AtomicInteger chunks = new AtomicInteger();
        server = serve(requests, request -> {
            MockResponse.Builder answer = new MockResponse.Builder();
            boolean end = request.getTarget().contains("digest=");
            return switch (request.getMethod()) {
                case "HEAD" -> status(404);
                case "POST" ->
                    answer.code(202)
                            .addHeader("Location", "/upload/1?state=a%3D")
                            .build();
                case "PUT" ->
                    received.size() == 0 && end && request.getBodySize() > 0
                            ? answer.onResponseStart(new SocketEffect.CloseSocket())
                                    .build()
                            : status(received.size() == CONTENT.length ? 201 : 400);
                case "GET" ->
                    answer.code(204)
                            .addHeader("Range", "0-" + (received.size() - 1))
                            .build();
                default -> {
                    if (chunks.incrementAndGet() == 2) {
                        yield answer.onResponseStart(new SocketEffect.CloseSocket())
                                .build();
                    }
                    String start = request.getHeaders().get("Content-Range").split("-", 2)[0];
                    if (Long.parseLong(start) != received.size()) {
                        yield status(416);
                    }
                    received.write(request.getBody());
                    yield answer.code(202)
                            .addHeader("Location", "/upload/2?state=b")
                            .addHeader("Range", "0-" + (received.size() - 1))
                            .build();
                }
            };
        });
        ImageTarget target = images.target(ImageReference.parse("127.0.0.1:" + server.getPort() + "/app:1"));
        target.putBlob(BLOB, () -> new ByteArrayInputStream(CONTENT));
        assertArrayEquals(CONTENT, received.readByteArray());
        assertTrue(
                requests.getLast().getTarget().startsWith("/upload/2?state=b&digest=sha256%3A"),
                requests.getLast().getTarget());
        assertTrue(
                requests.stream().anyMatch(request -> request.getMethod().equals("GET")),
                "did not ask how far it came");
    }

    @Test
    void aRegistryThatKnowsNoChunksGetsTheWholeAgain() throws Exception {
        AtomicInteger puts = new AtomicInteger();
        server = serve(requests, request -> switch (request.getMethod()) {
            case "HEAD" -> status(404);
            case "POST" ->
                new MockResponse.Builder()
                        .code(202)
                        .addHeader("Location", "/upload/1")
                        .build();
            case "PUT" ->
                puts.incrementAndGet() == 1
                        ? new MockResponse.Builder()
                                .onResponseStart(new SocketEffect.CloseSocket())
                                .build()
                        : status(201);
            default -> status(405);
        });
        ImageTarget target = images.target(ImageReference.parse("127.0.0.1:" + server.getPort() + "/app:1"));
        target.putBlob(BLOB, () -> new ByteArrayInputStream(CONTENT));
        assertEquals(CONTENT.length, requests.getLast().getBodySize());
    }
}
