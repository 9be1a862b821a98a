package dev.rafter.deploy.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.rafter.deploy.harness.DockerRegistry;
import dev.rafter.deploy.harness.Shell;
import dev.rafter.registry.embedded.Access;
import dev.rafter.registry.embedded.EmbeddedRegistry;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a person reads in containerd's own error when an image that has to be served lazily cannot be. */
@Timeout(120)
final class SnapshotterErrorsTest {
    private static final Path FIXTURE = Path.of(System.getProperty("rafter.shared"), "fixtures/rafs6-zstd");
    private static final String USER = "someone";
    private static final String PASSWORD = "open-sesame";

    private final ContainerdVersion version = ContainerdVersion.debian();
    private Path work;
    /** Started by each test, as it needs it. */
    @SuppressWarnings("NullAway.Init")
    private SnapshotterNode node;

    @BeforeEach
    void makeFolder() throws IOException {
        assumeTrue("root".equals(System.getProperty("user.name")), "containers need root");
        assumeTrue(Files.isDirectory(FIXTURE), "the image " + FIXTURE + " is not here");
        assumeTrue(version.isHere(), version.missing());
        assumeTrue(Shell.has("docker-registry", "skopeo"), "needs docker-registry and skopeo");
        work = Files.createTempDirectory(Files.createDirectories(SnapshotterNode.WORK), "errors");
    }

    @AfterEach
    void removeFolder() throws IOException {
        if (node != null) {
            node.close();
        }
        if (work != null) {
            Shell.deleteTree(work);
        }
    }

    private static String push(String host, String... options) throws IOException, InterruptedException {
        String image = host + "/fixture:1";
        java.util.List<String> command =
                new java.util.ArrayList<>(java.util.List.of("skopeo", "copy", "--quiet", "--dest-tls-verify=false"));
        command.addAll(java.util.List.of(options));
        command.add("oci:" + FIXTURE + ":fixture");
        command.add("docker://" + image);
        Shell.run(command.toArray(String[]::new));
        return image;
    }

    private void startNode(String host, String... options) throws Exception {
        node = SnapshotterNode.start(version, "127.0.0.1:1/pause:1", options);
        node.plainHttp(host);
    }

    @Test
    void credentialsThatContainerdHasAndWeDoNot() throws Exception {
        try (EmbeddedRegistry registry = EmbeddedRegistry.start(
                EmbeddedRegistry.Options.inMemory().withAccess(new Access.Basic(USER, PASSWORD)))) {
            String image = push(registry.host(), "--dest-creds=" + USER + ":" + PASSWORD);
            Path credentials = Files.writeString(work.resolve("config.json"), "{}");
            startNode(registry.host(), "--credentials", credentials.toString());
            StatusRuntimeException e =
                    assertThrows(StatusRuntimeException.class, () -> node.cri().pull(image, USER, PASSWORD));
            assertTrue(e.toString().contains("credentials"), e::toString);
            assertTrue(e.toString().contains(registry.host()), e::toString);

            String login = Base64.getEncoder().encodeToString((USER + ":" + PASSWORD).getBytes(StandardCharsets.UTF_8));
            Files.writeString(credentials, "{\"auths\":{\"" + registry.host() + "\":{\"auth\":\"" + login + "\"}}}");
            node.cri().pull(image, USER, PASSWORD);
            assertEquals("hi\n", node.run(SnapshotterNode.CRI, image, "c1", "/bin/sh", "-c", "echo hi"));
            assertTrue(!node.log().contains(PASSWORD) && !node.log().contains(login), "credentials are not logged");
        }
    }

    @Test
    void aBootstrapThatIsNotWhatTheManifestSays() throws Exception {
        try (DockerRegistry registry = DockerRegistry.start(work.resolve("registry"))) {
            String image = push(registry.host());
            Path blob =
                    registry.data().resolve("docker/registry/v2/blobs/sha256").resolve(blobPath(bootstrap()));
            byte[] bytes = Files.readAllBytes(blob);
            bytes[bytes.length / 2] ^= 1;
            Files.write(blob, bytes);
            startNode(registry.host());
            StatusRuntimeException e =
                    assertThrows(StatusRuntimeException.class, () -> node.cri().pull(image));
            assertTrue(e.toString().contains(bootstrap()), e::toString);
            bytes[bytes.length / 2] ^= 1;
            Files.write(blob, bytes);
            node.cri().pull(image);
            assertEquals("hi\n", node.run(SnapshotterNode.CRI, image, "c1", "/bin/sh", "-c", "echo hi"));
        }
    }

    /** Hexadecimal digits of the bootstrap layer's digest. */
    private static String bootstrap() throws IOException, InterruptedException {
        String manifest = Shell.run("skopeo", "inspect", "--raw", "oci:" + FIXTURE + ":fixture");
        var layers = new ObjectMapper().readTree(manifest).get("layers");
        return layers.get(layers.size() - 1).get("digest").asText().substring("sha256:".length());
    }

    private static String blobPath(String hex) {
        return hex.substring(0, 2) + "/" + hex + "/data";
    }
}
