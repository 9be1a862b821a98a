package dev.rafter.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.rafter.registry.auth.CredentialSource;
import dev.rafter.registry.auth.DockerConfig;
import dev.rafter.registry.http.HostSettings;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Debian's docker-registry over TLS, with an authority of the test, users, and client certificates. */
@Timeout(60)
class RegistryLoginTest {
    private static final TestImage IMAGE = TestImage.random(11, 1, 150_000);

    @TempDir
    static Path directory;

    private static DockerRegistry registry;
    private static DockerRegistry mutual;

    @BeforeAll
    static void start() throws Exception {
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/htpasswd")), "htpasswd is not installed");
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/openssl")), "openssl is not installed");
        makeCertificates();
        String users = DockerRegistry.run("htpasswd", "-nbB", "me", "right").strip();
        Files.writeString(directory.resolve("users"), users + "\n");
        String tls = "  tls: {certificate: %s, key: %s%s}\n";
        String auth = "auth:\n  htpasswd: {realm: test, path: %s}\n".formatted(directory.resolve("users"));
        Path server = directory.resolve("server");
        Path one = Files.createDirectory(directory.resolve("one"));
        registry = DockerRegistry.start(one, tls.formatted(server + ".crt", server + ".key", "") + auth);
        Path two = Files.createDirectory(directory.resolve("two"));
        String clients = ", clientcas: [" + directory.resolve("ca.crt") + "]";
        mutual = DockerRegistry.start(two, tls.formatted(server + ".crt", server + ".key", clients));
    }

    @AfterAll
    static void stop() throws Exception {
        for (DockerRegistry started : new DockerRegistry[] {registry, mutual}) {
            if (started != null) {
                started.close();
            }
        }
    }

    private static void makeCertificates() throws Exception {
        String ca = directory.resolve("ca").toString();
        DockerRegistry.run(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=Test Authority",
                "-keyout",
                ca + ".key",
                "-out",
                ca + ".crt");
        for (String name : List.of("server", "client")) {
            String base = directory.resolve(name).toString();
            Files.writeString(Path.of(base + ".ext"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n");
            DockerRegistry.run(
                    "openssl",
                    "req",
                    "-newkey",
                    "rsa:2048",
                    "-nodes",
                    "-subj",
                    "/CN=" + name,
                    "-keyout",
                    base + ".key",
                    "-out",
                    base + ".csr");
            DockerRegistry.run(
                    "openssl",
                    "x509",
                    "-req",
                    "-in",
                    base + ".csr",
                    "-CA",
                    ca + ".crt",
                    "-CAkey",
                    ca + ".key",
                    "-CAcreateserial",
                    "-days",
                    "2",
                    "-extfile",
                    base + ".ext",
                    "-out",
                    base + ".crt");
        }
    }

    private static RegistryOptions trusting(DockerRegistry whom) {
        HostSettings settings = new HostSettings(List.of(directory.resolve("ca.crt")), List.of(), false);
        return RegistryOptions.DEFAULTS.withHosts(Map.of(whom.host(), settings));
    }

    private static ImageReference reference(DockerRegistry where) {
        return ImageReference.parse(where.host() + "/login/app:1");
    }

    private static CredentialSource login(String password) throws IOException {
        Path file = Files.createTempFile(directory, "config", ".json");
        String auth = Base64.getEncoder().encodeToString(("me:" + password).getBytes(StandardCharsets.UTF_8));
        Files.writeString(file, "{\"auths\":{\"https://" + registry.host() + "/v1/\":{\"auth\":\"" + auth + "\"}}}");
        return new DockerConfig(file);
    }

    private static void pushAndPull(RegistryOptions options, DockerRegistry where) throws IOException {
        try (Images images = new Images(options)) {
            IMAGE.pushTo(images.target(reference(where)));
            ImageSource source = images.open(reference(where));
            assertEquals(IMAGE.manifest(), source.resolve());
            assertEquals(150_000, source.blob(IMAGE.biggest()).readAllBytes().length);
        }
    }

    private static RegistryException refusal(RegistryOptions options, DockerRegistry where) {
        try (Images images = new Images(options)) {
            return assertThrows(
                    RegistryException.class, () -> images.open(reference(where)).resolve());
        }
    }

    @Test
    void whoKnowsThePasswordComesInOverTls() throws Exception {
        pushAndPull(trusting(registry).withCredentials(login("right")), registry);
    }

    @Test
    void whoDoesNotIsToldWhatToDo() throws Exception {
        RegistryException wrong = refusal(trusting(registry).withCredentials(login("wrong")), registry);
        assertEquals(RegistryException.Reason.UNAUTHORIZED, wrong.reason());
        assertTrue(
                wrong.getMessage().contains("were not accepted: docker login " + registry.host()), wrong.getMessage());
        RegistryException none = refusal(trusting(registry), registry);
        assertTrue(none.getMessage().contains("no credentials for " + registry.host()), none.getMessage());
    }

    @Test
    void anAuthorityThatNobodyKnowsIsRefusedAtOnce() {
        HostSettings nothing = new HostSettings(List.of(), List.of(), false);
        long begun = System.nanoTime();
        RegistryException e = refusal(RegistryOptions.DEFAULTS.withHosts(Map.of(registry.host(), nothing)), registry);
        assertEquals(RegistryException.Reason.UNREACHABLE, e.reason());
        assertTrue(e.getMessage().contains("authority's certificate"), e.getMessage());
        assertTrue(System.nanoTime() - begun < 20_000_000_000L);
    }

    @Test
    void skippingVerificationIsPossible() throws Exception {
        HostSettings skip = new HostSettings(List.of(), List.of(), true);
        RegistryOptions options = RegistryOptions.DEFAULTS.withHosts(Map.of(registry.host(), skip));
        pushAndPull(options.withCredentials(login("right")), registry);
    }

    @Test
    void plainHttpWhereTlsIsSpokenIsExplained() {
        RegistryException e = refusal(RegistryOptions.DEFAULTS, registry);
        assertTrue(e.getMessage().contains("400"), e.getMessage());
    }

    @Test
    void containerdsDirectoryIsRead() throws Exception {
        Path host = Files.createDirectories(
                directory.resolve("certs.d").resolve(mutual.host().replaceFirst(":(\\d+)$", "_$1_")));
        Files.copy(directory.resolve("ca.crt"), host.resolve("ca.crt"));
        Files.copy(directory.resolve("client.crt"), host.resolve("client.cert"));
        Files.copy(directory.resolve("client.key"), host.resolve("client.key"));
        pushAndPull(RegistryOptions.DEFAULTS.withCertsDirectory(directory.resolve("certs.d")), mutual);
    }

    @Test
    void withoutAClientCertificateThereIsNoWayIn() {
        assertEquals(
                RegistryException.Reason.UNREACHABLE,
                refusal(trusting(mutual), mutual).reason());
    }
}
