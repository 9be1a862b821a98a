package dev.rafter.registry.embedded;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.rafter.oci.Descriptor;
import dev.rafter.oci.Digest;
import dev.rafter.oci.Index;
import dev.rafter.oci.Manifest;
import dev.rafter.oci.MediaTypes;
import dev.rafter.registry.embedded.EmbeddedRegistry.Options;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The registry is strict, finds again what it kept, and skopeo agrees with it. */
@Timeout(60)
final class EmbeddedRegistryTest {
    private static final byte[] CONTENT = "some content of a layer".getBytes(StandardCharsets.UTF_8);
    private static final Digest DIGEST = Digest.sha256(CONTENT);

    @TempDir
    private Path folder;

    private final HttpClient client = HttpClient.newHttpClient();

    @AfterEach
    void close() {
        client.close();
    }

    @Test
    void aBlobPushedInOnePieceIsReadWholeAndInRanges() throws Exception {
        try (EmbeddedRegistry registry = EmbeddedRegistry.start(Options.inMemory())) {
            assertEquals(201, push(registry, "app", CONTENT, DIGEST).statusCode());
            assertArrayEquals(CONTENT, get(registry, "/v2/app/blobs/" + DIGEST).body());
            HttpResponse<byte[]> range = get(registry, "/v2/app/blobs/" + DIGEST, "Range", "bytes=5-11");
            assertEquals(206, range.statusCode());
            assertEquals(
                    "bytes 5-11/" + CONTENT.length,
                    range.headers().firstValue("Content-Range").orElse(""));
            assertArrayEquals(Arrays.copyOfRange(CONTENT, 5, 12), range.body());
            assertEquals(
                    416,
                    get(registry, "/v2/app/blobs/" + DIGEST, "Range", "bytes=99-")
                            .statusCode());
            assertEquals(404, get(registry, "/v2/other/blobs/" + DIGEST).statusCode());
        }
    }

    @Test
    void aBlobPushedInChunksHasToHaveItsDigest() throws Exception {
        try (EmbeddedRegistry registry = EmbeddedRegistry.start(Options.inDirectory(folder))) {
            String upload = begin(registry, "/v2/app/blobs/uploads/");
            send(registry, "PATCH", upload, Arrays.copyOf(CONTENT, 10), "Content-Range", "0-9");
            assertEquals(
                    416,
                    send(registry, "PATCH", upload, CONTENT, "Content-Range", "3-9")
                            .statusCode());
            HttpResponse<byte[]> stored = send(
                    registry, "PUT", upload + "?digest=" + DIGEST, Arrays.copyOfRange(CONTENT, 10, CONTENT.length));
            assertEquals(201, stored.statusCode());
            assertArrayEquals(CONTENT, get(registry, "/v2/app/blobs/" + DIGEST).body());

            HttpResponse<byte[]> lie = push(registry, "app", CONTENT, Digest.sha256(new byte[1]));
            assertEquals(400, lie.statusCode());
            assertTrue(text(lie).contains("DIGEST_INVALID"), text(lie));
        }
    }

    @Test
    void aBlobIsMountedFromAnotherRepositoryOrElseAnUploadBegins() throws Exception {
        try (EmbeddedRegistry registry = EmbeddedRegistry.start(Options.inMemory())) {
            push(registry, "one", CONTENT, DIGEST);
            String mount = "/blobs/uploads/?mount=" + DIGEST + "&from=";
            assertEquals(
                    201,
                    send(registry, "POST", "/v2/two" + mount + "one", new byte[0])
                            .statusCode());
            assertArrayEquals(CONTENT, get(registry, "/v2/two/blobs/" + DIGEST).body());
            assertEquals(
                    202,
                    send(registry, "POST", "/v2/three" + mount + "nowhere", new byte[0])
                            .statusCode());
        }
    }

    @Test
    void aManifestNeedsItsBlobsAndIsFoundByTagAndDigestAlsoAfterARestart() throws Exception {
        Manifest manifest = manifest(null);
        Digest digest = Digest.sha256(manifest.toJson());
        try (EmbeddedRegistry registry = EmbeddedRegistry.start(Options.inDirectory(folder))) {
            assertEquals(404, put(registry, "app", "1", manifest).statusCode());
            push(registry, "app", CONTENT, DIGEST);
            assertEquals(201, put(registry, "app", "1", manifest).statusCode());
            assertEquals(400, put(registry, "app", DIGEST.toString(), manifest).statusCode());
        }
        try (EmbeddedRegistry registry = EmbeddedRegistry.start(Options.inDirectory(folder))) {
            HttpResponse<byte[]> read = get(registry, "/v2/app/manifests/1");
            assertArrayEquals(manifest.toJson(), read.body());
            assertEquals(
                    MediaTypes.OCI_MANIFEST,
                    read.headers().firstValue("Content-Type").orElse(""));
            assertArrayEquals(
                    manifest.toJson(),
                    get(registry, "/v2/app/manifests/" + digest).body());
            assertEquals("{\"name\":\"app\",\"tags\":[\"1\"]}", text(get(registry, "/v2/app/tags/list")));
            assertEquals(
                    202,
                    send(registry, "DELETE", "/v2/app/manifests/" + digest, new byte[0])
                            .statusCode());
            assertEquals(404, get(registry, "/v2/app/manifests/1").statusCode());
        }
    }

    @Test
    void aManifestWithASubjectIsItsReferrer() throws Exception {
        try (EmbeddedRegistry registry = EmbeddedRegistry.start(Options.inMemory())) {
            push(registry, "app", CONTENT, DIGEST);
            Descriptor subject = new Descriptor(MediaTypes.OCI_MANIFEST, Digest.sha256(new byte[2]), 2);
            Manifest referrer = manifest(subject);
            put(registry, "app", "ref", referrer);
            Index index = Index.parse(
                    get(registry, "/v2/app/referrers/" + subject.digest()).body(), "referrers");
            assertEquals(
                    List.of(Digest.sha256(referrer.toJson())),
                    index.manifests().stream().map(Descriptor::digest).toList());
        }
    }

    @Test
    void withATokenOnlyThoseWithCredentialsGetIn() throws Exception {
        Access access = new Access.Token("me", "secret", Duration.ofMinutes(1));
        try (EmbeddedRegistry registry =
                EmbeddedRegistry.start(Options.inMemory().withAccess(access))) {
            HttpResponse<byte[]> refused = get(registry, "/v2/");
            assertEquals(401, refused.statusCode());
            assertTrue(
                    refused.headers().firstValue("WWW-Authenticate").orElse("").startsWith("Bearer realm="));
            assertEquals(401, get(registry, "/token").statusCode());
            String basic = Base64.getEncoder().encodeToString("me:secret".getBytes(StandardCharsets.UTF_8));
            String answer = text(get(registry, "/token", "Authorization", "Basic " + basic));
            String token = answer.replaceAll(".*\"token\":\"([^\"]+)\".*", "$1");
            assertEquals(
                    200,
                    get(registry, "/v2/", "Authorization", "Bearer " + token).statusCode());
            registry.expireTokens();
            assertEquals(
                    401,
                    get(registry, "/v2/", "Authorization", "Bearer " + token).statusCode());
        }
    }

    @Test
    void skopeoCopiesToItAndBackWhatIsTheSame() throws Exception {
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/skopeo")), "needs skopeo");
        Path fixture = Path.of(System.getProperty("rafter.shared"), "fixtures/oci-gzip");
        assumeTrue(Files.isDirectory(fixture), "needs the fixtures at " + fixture);
        try (EmbeddedRegistry registry = EmbeddedRegistry.start(Options.inDirectory(folder.resolve("registry")))) {
            String image = "docker://" + registry.host() + "/fixture:1";
            skopeo("copy", "--dest-tls-verify=false", "oci:" + fixture + ":fixture", image);
            skopeo("copy", "--src-tls-verify=false", image, "oci:" + folder.resolve("back") + ":fixture");
        }
        try (var blobs = Files.list(fixture.resolve("blobs/sha256"))) {
            for (Path blob : (Iterable<Path>) blobs::iterator) {
                Path back = folder.resolve("back/blobs/sha256").resolve(blob.getFileName());
                assertEquals(-1, Files.mismatch(blob, back), "blob " + blob.getFileName());
            }
        }
    }

    private static void skopeo(String... arguments) throws Exception {
        String[] command = new String[arguments.length + 1];
        command[0] = "skopeo";
        System.arraycopy(arguments, 0, command, 1, arguments.length);
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertTrue(process.waitFor(30, TimeUnit.SECONDS), "skopeo ends");
        assertEquals(0, process.exitValue(), output);
    }

    private static Manifest manifest(@Nullable Descriptor subject) {
        Descriptor blob = new Descriptor(MediaTypes.OCI_LAYER, DIGEST, CONTENT.length);
        return new Manifest(2, MediaTypes.OCI_MANIFEST, null, blob, List.of(blob), subject, Map.of());
    }

    private HttpResponse<byte[]> put(EmbeddedRegistry registry, String name, String reference, Manifest manifest)
            throws Exception {
        return send(
                registry,
                "PUT",
                "/v2/" + name + "/manifests/" + reference,
                manifest.toJson(),
                "Content-Type",
                MediaTypes.OCI_MANIFEST);
    }

    private HttpResponse<byte[]> push(EmbeddedRegistry registry, String name, byte[] content, Digest digest)
            throws Exception {
        return send(registry, "POST", "/v2/" + name + "/blobs/uploads/?digest=" + digest, content);
    }

    private String begin(EmbeddedRegistry registry, String path) throws Exception {
        return send(registry, "POST", path, new byte[0])
                .headers()
                .firstValue("Location")
                .orElseThrow();
    }

    private HttpResponse<byte[]> get(EmbeddedRegistry registry, String path, String... headers) throws Exception {
        return send(registry, "GET", path, new byte[0], headers);
    }

    private HttpResponse<byte[]> send(
            EmbeddedRegistry registry, String method, String path, byte[] body, String... headers) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("http://" + registry.host() + path))
                .method(method, body.length == 0 ? BodyPublishers.noBody() : BodyPublishers.ofByteArray(body));
        if (headers.length > 0) {
            request.headers(headers);
        }
        return client.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
    }

    private static String text(HttpResponse<byte[]> response) {
        return new String(response.body(), StandardCharsets.UTF_8);
    }
}
