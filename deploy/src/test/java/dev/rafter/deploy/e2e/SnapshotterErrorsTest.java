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
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** What a person reads in containerd's own error when an image that has to be served lazily cannot be. */
@ParameterizedClass
@MethodSource("dev.rafter.deploy.e2e.ContainerdVersion#all")
@Timeout(120)
final class SnapshotterErrorsTest {
    private static final Path FIXTURE = Path.of(System.getProperty("rafter.shared"), "fixtures/rafs6-zstd");
    private static final String USER = "someone";
    private static final String PASSWORD = "open-sesame";

    private final ContainerdVersion version;
    private static final String[] READ_ALL = {"/bin/sh", "-ec", "cat /opt/app2/* /app/data/* > /dev/null; echo all read"
    };

    private Path work;
    /** Started by each test, as it needs it. */
    @SuppressWarnings("NullAway.Init")
    private SnapshotterNode node;

    SnapshotterErrorsTest(ContainerdVersion version) {
        this.version = version;
    }

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
        List<String> command = new ArrayList<>(List.of("skopeo", "copy", "--quiet", "--dest-tls-verify=false"));
        command.addAll(List.of(options));
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

    @Test
    void aRegistryThatContainerdReachesAndWeDoNot() throws Exception {
        try (DockerRegistry registry = DockerRegistry.start(work.resolve("registry"))) {
            push(registry.host());
            String nobody = "127.0.0.1:1";
            startNode(registry.host());
            node.mirror(nobody, registry.host());
            StatusRuntimeException e =
                    assertThrows(StatusRuntimeException.class, () -> node.cri().pull(nobody + "/fixture:1"));
            assertTrue(e.toString().contains(nobody + " cannot be reached"), e::toString);
        }
    }

    @Test
    void aFullDisk() throws Exception {
        try (DockerRegistry registry = DockerRegistry.start(work.resolve("registry"))) {
            String image = push(registry.host());
            String pause = new BusyboxImages(work.resolve("images"), registry.host()).push("pause:1");
            node = SnapshotterNode.startOnSmallDisk(version, pause, 32 << 20);
            node.plainHttp(registry.host());
            node.disk().fill(8);
            StatusRuntimeException full =
                    assertThrows(StatusRuntimeException.class, () -> node.cri().pull(image));
            assertTrue(full.toString().toLowerCase(Locale.ROOT).contains("no space left"), full::toString);
            node.disk().free();
            node.cri().pull(image);
            String pod = node.cri().runPod("pod-1");
            String container =
                    node.cri().runContainer(pod, "pod-1", image, List.of("/bin/sh", "-c", "while :; do :; done"));
            // What it runs of has to be read before the disk is full, or it dies of that.
            assertEquals("up\n", node.cri().exec(container, "/bin/sh", "-c", "cat /dev/null; echo up"));
            node.disk().fill(0);
            IOException unread =
                    assertThrows(IOException.class, () -> node.cri().exec(container, READ_ALL));
            assertTrue(unread.toString().contains("exit code"), unread::toString);
            Shell.Result refused =
                    node.tryCtr(SnapshotterNode.CRI, "run", "--snapshotter", "rafter", image, "c2", "/bin/true");
            assertTrue(refused.output().toLowerCase(Locale.ROOT).contains("no space left"), refused.output());
            node.disk().free();
            node.await("the same container reads, with room again", () -> reads(container));
            assertEquals("hi\n", node.run(SnapshotterNode.CRI, image, "c3", "/bin/sh", "-c", "echo hi"));
            node.cri().removeContainer(container);
            node.cri().removePod(pod);
        }
    }

    private boolean reads(String container) {
        try {
            return node.cri().exec(container, READ_ALL).equals("all read\n");
        } catch (IOException _) {
            return false;
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
