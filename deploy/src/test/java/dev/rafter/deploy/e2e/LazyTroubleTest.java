package dev.rafter.deploy.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.deploy.harness.Rafter;
import dev.rafter.registry.embedded.Link;
import dev.rafter.registry.embedded.LinkSpeed;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A lazily served image in rough company: many containers at once, containerd killed, our state lost, the same image pulled
 * by others.
 */
@ParameterizedClass
@MethodSource("dev.rafter.deploy.e2e.ContainerdVersion#all")
@Timeout(180)
final class LazyTroubleTest {
    private static final String CRI = SnapshotterNode.CRI;
    private static final int CONTAINERS = 20;
    /** Text that hardly compresses, so that bytes on the wire can be told. */
    private static final String NOISE = BusyboxImages.noise(6 << 20);

    @AutoClose
    private static TestRegistry registry;

    private static String pause;
    private static String md5;

    private final ContainerdVersion version;
    private Link link;
    private SnapshotterNode node;
    private String plain;
    private String lazy;

    LazyTroubleTest(ContainerdVersion version) {
        this.version = version;
    }

    @BeforeAll
    static void pushImages() throws Exception {
        registry = TestRegistry.start();
        BusyboxImages images = registry.images();
        pause = images.push("pause:1");
        String app = images.push("app:1", Map.of("noise", NOISE), Map.of("hello", "hello\n"));
        Rafter.in(registry.folder().resolve("convert")).command("convert", app, app + "-rafs");
        MessageDigest digest = MessageDigest.getInstance("MD5");
        md5 = HexFormat.of().formatHex(digest.digest(NOISE.getBytes(StandardCharsets.US_ASCII)));
    }

    @BeforeEach
    void startNode() throws Exception {
        link = Link.open(LinkSpeed.unshaped(), registry.docker().address());
        plain = link.host() + "/app:1";
        lazy = plain + "-rafs";
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

    private String runLazily(String id, String... command) throws IOException, InterruptedException {
        return node.run(CRI, lazy, id, command);
    }

    @Test
    void twentyContainersAtOnceFetchOneCopy() throws Exception {
        node.cri().pull(lazy);
        long pulled = link.counts().blobBytes();
        assertTrue(pulled < 100_000, () -> "a pull fetches the bootstrap alone, and fetched " + pulled + " bytes");
        try (ExecutorService threads = Executors.newCachedThreadPool()) {
            List<Future<String>> runs = new ArrayList<>();
            for (int i = 0; i < CONTAINERS; i++) {
                String id = "c" + i;
                runs.add(threads.submit(() -> runLazily(id, "/bin/md5sum", "/noise")));
            }
            for (Future<String> run : runs) {
                assertEquals(md5 + "  /noise\n", run.get());
            }
        }
        long fetched = link.counts().blobBytes() - pulled;
        // Hexadecimal digits become half their size; busybox and its libraries take less than 2 MiB.
        assertTrue(fetched > NOISE.length() / 2, () -> fetched + " bytes: no more than was in the pull?");
        assertTrue(fetched < NOISE.length() / 2 + (2 << 20), () -> fetched + " bytes are more than one copy");
        assertEquals(1, node.imageMounts().size());
    }

    @Test
    void aContainerReadsOnWhileContainerdIsKilled() throws Exception {
        CriClient cri = node.cri();
        cri.pull(lazy);
        String pod = cri.runPod("pod-1");
        String container = cri.runContainer(
                pod,
                "pod-1",
                lazy,
                List.of(
                        "/bin/sh",
                        "-c",
                        "while [ ! -e /tmp/go ]; do sleep 0.1; done; md5sum /noise > /tmp/sum; sleep 9d"));
        String before = runLazily("before", "/bin/cat", "/hello");
        cri.exec(container, "/bin/sh", "-c", "echo > /tmp/go");
        node.containerd().kill();
        node.containerd().restart();
        node.await("CRI answers", () -> node.answers(container));
        node.await(
                "the container has read",
                () -> cri.exec(container, "/bin/cat", "/tmp/sum").contains(md5));
        assertEquals(before, runLazily("after", "/bin/cat", "/hello"));
        cri.removeContainer(container);
        cri.removePod(pod);
    }

    private void pullForOverlayfs(String image) throws IOException, InterruptedException {
        List<String> pull = new ArrayList<>(List.of("images", "pull", "--plain-http", "--snapshotter", "overlayfs"));
        if (version.name().startsWith("2.")) {
            // The transfer service unpacks for those alone that its configuration names.
            pull.add("--local");
        }
        pull.add(image);
        node.ctr(CRI, pull.toArray(String[]::new));
    }

    @Test
    void pulledPlainBeforeAndLazilyAfterAndTheOtherWayRound() throws Exception {
        pullForOverlayfs(plain);
        node.cri().pull(lazy);
        assertEquals("hello\n", runLazily("c1", "/bin/cat", "/hello"));
        node.cri().pull(plain);
        assertEquals("hello\n", node.run(CRI, plain, "c2", "/bin/cat", "/hello"), "pulled for overlayfs, run by us");
        node.cri().removeImage(lazy);
        node.awaitCollected("the lazy image is gone", () -> node.imageMounts().isEmpty());
        assertEquals("hello\n", node.run(CRI, plain, "c3", "/bin/cat", "/hello"));
        node.cri().pull(lazy);
        node.cri().removeImage(plain);
        assertEquals(md5 + "  /noise\n", runLazily("c4", "/bin/md5sum", "/noise"));
    }

    @Test
    void whenOurStateIsLostImagesComeBackByThemselves() throws Exception {
        CriClient cri = node.cri();
        cri.pull(lazy);
        String before = cri.runPod("before");
        assertEquals("hello\n", runLazily("c1", "/bin/cat", "/hello"));
        node.loseState();
        String pod = cri.runPod("pod-1");
        String container = cri.runContainer(pod, "pod-1", lazy, List.of("/bin/sleep", "infinity"));
        assertEquals("hello\n", cri.exec(container, "/bin/cat", "/hello"), "nothing was pulled or removed");
        cri.removeContainer(container);
        cri.removePod(pod);
        node.loseState();
        cri.pull(lazy);
        assertEquals(md5 + "  /noise\n", runLazily("c2", "/bin/md5sum", "/noise"), "after another pull");
        cri.removePod(before);
        cri.removeImage(pause);
        cri.removeImage(lazy);
        node.awaitCollected(
                "all is gone",
                () -> node.folders().isEmpty()
                        && node.imageMounts().isEmpty()
                        && node.snapshots(CRI).isEmpty());
    }

    @Test
    void aLostLayerThatContainerdHasNotKeptIsSaidAndANewPullMends() throws Exception {
        node.cri().pull(pause);
        for (String line : node.ctr(CRI, "content", "ls").lines().toList()) {
            if (line.contains("containerd.io/uncompressed")) {
                node.ctr(CRI, "content", "rm", line.split("\\s+", 2)[0]);
            }
        }
        node.loseState();
        StatusRuntimeException refused =
                assertThrows(StatusRuntimeException.class, () -> node.cri().runPod("pod-1"));
        assertTrue(refused.toString().contains("containerd has not kept the layer"), refused::toString);
        assertTrue(refused.toString().contains("remove the image and pull it again"), refused::toString);
        node.cri().removeImage(pause);
        node.awaitCollected("containerd forgets", () -> node.snapshots(CRI).isEmpty());
        node.cri().pull(pause);
        node.cri().removePod(node.cri().runPod("pod-2"));
    }
}
