package dev.rafter.deploy.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.rafter.api.ApiClient;
import dev.rafter.deploy.harness.Shell;
import dev.rafter.oci.Digest;
import dev.rafter.registry.embedded.Link;
import dev.rafter.registry.embedded.LinkSpeed;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** Real containerd, of each version that we speak with, on our snapshotter: RAFS images, which are served lazily. */
@ParameterizedClass
@MethodSource("dev.rafter.deploy.e2e.ContainerdVersion#all")
@Timeout(180)
final class LazySnapshotterTest {
    private static final Path FIXTURES = Path.of(System.getProperty("rafter.shared"), "fixtures");
    private static final String CRI = SnapshotterNode.CRI;

    @AutoClose
    private static TestRegistry registry;

    private static String pause;

    private final ContainerdVersion version;
    private Link link;
    private SnapshotterNode node;
    private String image;

    LazySnapshotterTest(ContainerdVersion version) {
        this.version = version;
    }

    @BeforeAll
    static void pushImages() throws Exception {
        assumeTrue(Files.isDirectory(FIXTURES), "the images of " + FIXTURES + " are not here");
        registry = TestRegistry.start();
        pause = registry.images().push("pause:1");
        for (String kind : List.of("rafs6-zstd", "rafs6-lz4", "rafs5-zstd")) {
            Shell.run(
                    "skopeo",
                    "copy",
                    "--quiet",
                    "--dest-tls-verify=false",
                    "oci:" + FIXTURES.resolve(kind) + ":fixture",
                    "docker://" + registry.docker().host() + "/fixture:" + kind);
        }
    }

    @BeforeEach
    void startNode() throws Exception {
        link = Link.open(LinkSpeed.unshaped(), registry.docker().address());
        image = link.host() + "/fixture:rafs6-zstd";
        node = SnapshotterNode.start(version, pause);
        node.plainHttp(link.host());
    }

    @AfterEach
    void stopNode() throws IOException {
        if (node != null) {
            node.close();
        }
        if (link != null) {
            link.close();
        }
    }

    private String served(String namespace, String snapshot) throws IOException, InterruptedException {
        return node.ctr(namespace, "snapshots", "--snapshotter", "rafter", "info", snapshot);
    }

    private String runShell(String id, String script) throws IOException, InterruptedException {
        return node.run(CRI, image, id, "/bin/sh", "-c", script);
    }

    private List<Path> cacheFiles() throws IOException {
        Path blobs = node.root().resolve("blobs/sha256");
        if (!Files.exists(blobs)) {
            return List.of();
        }
        try (Stream<Path> all = Files.list(blobs)) {
            return all.toList();
        }
    }

    @Test
    void aPodRunsBeforeItsDataHasCome() throws Exception {
        CriClient cri = node.cri();
        cri.pull(image);
        long pulled = link.counts().blobBytes();
        assertTrue(pulled < 200_000, "a pull fetches the bootstrap alone, and fetched " + pulled + " bytes");
        assertEquals(4, node.snapshots(CRI).size());
        for (String snapshot : node.snapshots(CRI)) {
            assertTrue(served(CRI, snapshot).contains("\"containerd.io/snapshot/rafter.served\": \"lazily\""));
        }
        String pod = cri.runPod("pod-1");
        String container = cri.runContainer(pod, "pod-1", image, List.of("/bin/sh", "-c", "while :; do :; done"));
        assertEquals(
                "hi\n", cri.exec(container, "/bin/sh", "-c", "echo hi > /new; while read l; do echo $l; done < /new"));
        assertTrue(link.counts().blobBytes() > pulled, "data come when they are read");
        assertUsageIsKnown();
        assertEquals(1, node.imageMounts().size());
        cri.removeContainer(container);
        cri.removePod(pod);
    }

    /** Every layer takes space by now: the bootstrap since the pull, the blobs since something of them was read. */
    private void assertUsageIsKnown() throws Exception {
        List<String> usages = node.ctr(CRI, "snapshots", "--snapshotter", "rafter", "usage")
                .lines()
                .skip(1)
                .toList();
        List<String> layers =
                usages.stream().filter(line -> line.startsWith("sha256:")).toList();
        assertTrue(
                layers.stream()
                                .filter(line -> !line.matches("\\S+\\s+0(\\.0)?\\s.*"))
                                .count()
                        >= 2,
                usages::toString);
    }

    @Test
    void whatIsRemovedGoesFromTheNode() throws Exception {
        String other = link.host() + "/fixture:rafs6-lz4";
        node.cri().pull(image);
        node.cri().pull(other);
        runShell("c1", "echo");
        node.run(CRI, other, "c2", "/bin/sh", "-c", "echo");
        assertEquals(2, node.imageMounts().size());
        assertFalse(cacheFiles().isEmpty());
        node.cri().removeImage(image);
        node.awaitCollected(
                "the first image's mount is gone", () -> node.imageMounts().size() == 1);
        assertEquals("x\n", node.run(CRI, other, "c3", "/bin/sh", "-c", "echo x"));
        node.cri().removeImage(other);
        node.awaitCollected(
                "the second image's mount is gone", () -> node.imageMounts().isEmpty());
        node.awaitCollected("cache files are gone", () -> cacheFiles().isEmpty());
        assertEquals(List.of(), node.snapshots(CRI));
        node.cri().pull(image);
        assertEquals("again\n", runShell("c4", "echo again"));
    }

    @Test
    void eitherSideIsRestarted() throws Exception {
        node.cri().pull(image);
        assertEquals("1\n", runShell("c1", "echo 1"));
        node.containerd().restart();
        assertEquals("2\n", runShell("c2", "echo 2"));
        List<String> before = node.snapshots(CRI);
        node.stopSnapshotter();
        assertEquals(List.of(), node.imageMounts());
        registry.docker().suspend();
        try {
            node.restartSnapshotter();
            assertEquals(before, node.snapshots(CRI));
            assertEquals("3\n", runShell("c3", "echo 3"), "from what is on this node, with the registry gone");
        } finally {
            registry.docker().resume();
        }
    }

    /** Its mounts stay where they are, and what it reads next comes from the next daemon. */
    @Test
    void aRunningContainerReadsOnWhenTheDaemonIsKilledAndWhenItIsRestarted() throws Exception {
        CriClient cri = node.cri();
        cri.pull(image);
        String pod = cri.runPod("pod-1");
        String container = cri.runContainer(pod, "pod-1", image, List.of("/bin/sh", "-c", "while :; do :; done"));
        assertEquals("1\n", cri.exec(container, "/bin/sh", "-c", "echo 1"));
        List<String> before = node.imageMounts();
        registry.docker().suspend();
        try {
            ProcessHandle.of(daemon()).orElseThrow().destroyForcibly();
            awaitAnotherDaemonThan(0);
            assertEquals(before, node.imageMounts());
            assertEquals("2\n", cri.exec(container, "/bin/sh", "-c", "echo 2"), "with the registry gone");
        } finally {
            registry.docker().resume();
        }
        assertEquals(expectedSha256("/app/data/text"), sha256(cri.exec(container, "/bin/cat", "/app/data/text")));
        long old = daemon();
        new ApiClient(node.run().resolve("rafter.sock")).restart();
        awaitAnotherDaemonThan(old);
        assertEquals(before, node.imageMounts());
        assertTrue(cri.exec(container, "/bin/ls", "/").contains("app"));
        node.await(
                "containerd reaches the next daemon",
                () -> node.tryCtr(CRI, "snapshots", "--snapshotter", "rafter", "list")
                                .status()
                        == 0);
        assertEquals("3\n", runShell("c3", "echo 3"));
        cri.removeContainer(container);
        cri.removePod(pod);
    }

    private long daemon() throws IOException {
        return Long.parseLong(Files.readString(node.run().resolve("daemon.pid")).strip());
    }

    private void awaitAnotherDaemonThan(long pid) throws Exception {
        ApiClient client = new ApiClient(node.run().resolve("rafter.sock"));
        node.await("the next daemon serves", () -> serves(client, pid));
    }

    private static boolean serves(ApiClient client, long otherThan) {
        try {
            return client.alive() && client.status().pid() != otherThan;
        } catch (IOException _) {
            return false; // it ended between the two
        }
    }

    private static String expectedSha256(String path) throws IOException {
        for (String line : Files.readAllLines(FIXTURES.resolve("expected.jsonl"))) {
            Matcher sha256 = Pattern.compile("\"sha256\": ?\"([0-9a-f]{64})\"").matcher(line);
            if (line.contains("\"path\":\"" + path + "\"") && sha256.find()) {
                return sha256.group(1);
            }
        }
        throw new AssertionError("no " + path + " in expected.jsonl");
    }

    private static String sha256(String text) {
        return Digest.sha256(text.getBytes(StandardCharsets.UTF_8)).hex();
    }

    @Test
    void rafs5IsRefusedWithTheReason() {
        StatusRuntimeException e =
                assertThrows(StatusRuntimeException.class, () -> node.cri().pull(link.host() + "/fixture:rafs5-zstd"));
        assertTrue(e.toString().contains("rafter convert"), e::toString);
    }

    @Test
    void withoutLabelsThePullSaysWhatIsMissing() throws Exception {
        assumeTrue(version.name().startsWith("1."), "from 2.1 on, ctr's pulls have the labels");
        Shell.Result refused =
                node.tryCtr("default", "images", "pull", "--plain-http", "--snapshotter", "rafter", image);
        assertFalse(refused.status() == 0);
    }

    @Test
    void ctrPullsThroughTheTransferService() throws Exception {
        assumeTrue(version.name().startsWith("2."), "before 2.1, ctr's pulls have no labels");
        node.pull("default", image);
        assertEquals("hi\n", node.run("default", image, "c1", "/bin/sh", "-c", "echo hi"));
        assertTrue(served("default", node.snapshots("default").getFirst()).contains("lazily"));
        node.cri().pull(image);
        assertEquals("hi\n", runShell("c1", "echo hi"));
        assertEquals(1, node.imageMounts().size(), "both namespaces share the mount");
    }
}
