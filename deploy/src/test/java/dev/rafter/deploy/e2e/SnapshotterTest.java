package dev.rafter.deploy.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.rafter.deploy.harness.Shell;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
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

/** Real containerd, of each version that we speak with, on our snapshotter: images that are pulled in the normal way. */
@ParameterizedClass
@MethodSource("dev.rafter.deploy.e2e.ContainerdVersion#all")
@Timeout(180)
final class SnapshotterTest {
    private static final String NAMESPACE = "default";

    @AutoClose
    private static TestRegistry registry;

    private static String pause;
    private static String app1;
    private static String app2;

    private final ContainerdVersion version;
    private SnapshotterNode node;

    SnapshotterTest(ContainerdVersion version) {
        this.version = version;
    }

    @BeforeAll
    static void pushImages() throws Exception {
        registry = TestRegistry.start();
        BusyboxImages images = registry.images();
        pause = images.push("pause:1");
        app1 = images.push("app:1", Map.of("hello", "hello from 1\n"), Map.of("hello", "and on top of it\n"));
        app2 = images.push("app:2", Map.of("hello", "hello from 2\n"));
    }

    @BeforeEach
    void startNode() throws Exception {
        node = SnapshotterNode.start(version, pause);
    }

    @AfterEach
    void stopNode() throws Exception {
        if (node != null) {
            node.close();
        }
    }

    @Test
    void ctrPullsAndRuns() throws Exception {
        node.pull(NAMESPACE, app1);
        assertEquals("and on top of it\n", node.run(NAMESPACE, app1, "c1", "/bin/cat", "/hello"));
        node.run(NAMESPACE, app1, "c2", "/bin/sh", "-c", "echo changed > /hello");
        assertEquals("and on top of it\n", node.run(NAMESPACE, app1, "c3", "/bin/cat", "/hello"));
        assertEquals(3, node.snapshots(NAMESPACE).size());
    }

    @Test
    void whatIsRemovedGoesFromDisk() throws Exception {
        node.pull(NAMESPACE, app1);
        node.pull(NAMESPACE, app2);
        assertEquals(4, node.folders().size(), "the base layer is shared");
        node.ctr(NAMESPACE, "images", "rm", "--sync", app1);
        node.awaitCollected("only app:2 is left", () -> node.folders().size() == 2);
        assertEquals("hello from 2\n", node.run(NAMESPACE, app2, "c1", "/bin/cat", "/hello"));
        node.ctr(NAMESPACE, "images", "rm", "--sync", app2);
        node.awaitCollected("nothing is left", () -> node.folders().isEmpty());
        assertEquals(List.of(), node.snapshots(NAMESPACE));
    }

    @Test
    void thePodsOfAKubeletRun() throws Exception {
        CriClient cri = node.cri();
        cri.pull(app1);
        String pod = cri.runPod("pod-1");
        String container = cri.runContainer(pod, "pod-1", app1, List.of("/bin/sleep", "infinity"));
        assertEquals("and on top of it\n", cri.exec(container, "/bin/cat", "/hello"));
        assertTrue(node.ctr(SnapshotterNode.CRI, "snapshots", "--snapshotter", "rafter", "usage")
                .contains("sha256:"));
        if (!version.name().equals("1.6")) {
            // Debian's 1.6 is older than the first that honours exports.root.
            assertEquals(
                    node.root().toString(),
                    cri.imageFsInfo().getImageFilesystems(0).getFsId().getMountpoint());
        }
        cri.removeContainer(container);
        cri.removePod(pod);
        cri.removeImage(app1);
        node.awaitCollected(
                "only the pause image is left",
                () -> node.snapshots(SnapshotterNode.CRI).size() == 1);
        String base = node.snapshots(SnapshotterNode.CRI).getFirst();
        String info = node.ctr(SnapshotterNode.CRI, "snapshots", "--snapshotter", "rafter", "info", base);
        assertTrue(info.contains("\"containerd.io/snapshot/rafter.served\": \"pulled: "), info);
    }

    @Test
    void imagesThatShareLayersArePulledAtOnce() throws Exception {
        try (ExecutorService threads = Executors.newCachedThreadPool()) {
            List<Future<?>> pulls = new ArrayList<>();
            for (String image : List.of(app1, app2, pause)) {
                pulls.add(threads.submit(() -> node.cri().pull(image)));
                pulls.add(threads.submit(() -> {
                    node.pull(NAMESPACE, image);
                    return null;
                }));
            }
            for (Future<?> pull : pulls) {
                pull.get();
            }
        }
        assertEquals("and on top of it\n", node.run(NAMESPACE, app1, "c1", "/bin/cat", "/hello"));
        assertEquals("hello from 2\n", node.run(SnapshotterNode.CRI, app2, "c1", "/bin/cat", "/hello"));
    }

    @Test
    void twentyContainersStartAtOnce() throws Exception {
        node.pull(NAMESPACE, app1);
        try (ExecutorService threads = Executors.newCachedThreadPool()) {
            List<Future<String>> runs = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                String id = "c" + i;
                runs.add(threads.submit(() -> node.run(NAMESPACE, app1, id, "/bin/cat", "/hello")));
            }
            for (Future<String> run : runs) {
                assertEquals("and on top of it\n", run.get());
            }
        }
        node.awaitCollected(
                "the containers' snapshots are gone", () -> node.folders().size() == 3);
    }

    @Test
    void containerdIsKilledAndStartedAgain() throws Exception {
        CriClient cri = node.cri();
        cri.pull(app1);
        String pod = cri.runPod("pod-1");
        String container = cri.runContainer(pod, "pod-1", app1, List.of("/bin/sleep", "infinity"));
        node.containerd().kill();
        node.containerd().restart();
        node.await("CRI answers", () -> node.answers(container));
        assertEquals("hello from 2\n", runAnother());
        cri.removeContainer(container);
        cri.removePod(pod);
    }

    private String runAnother() throws Exception {
        node.pull(NAMESPACE, app2);
        return node.run(NAMESPACE, app2, "another", "/bin/cat", "/hello");
    }

    @Test
    void weAreStoppedAndKilledAndStartedAgain() throws Exception {
        CriClient cri = node.cri();
        cri.pull(app1);
        String pod = cri.runPod("pod-1");
        String container = cri.runContainer(pod, "pod-1", app1, List.of("/bin/sleep", "infinity"));
        List<String> before = node.snapshots(SnapshotterNode.CRI);
        node.stopSnapshotter();
        assertEquals("and on top of it\n", cri.exec(container, "/bin/cat", "/hello"), "while nobody serves");
        node.restartSnapshotter();
        assertEquals(before, node.snapshots(SnapshotterNode.CRI));
        node.killSnapshotter();
        node.restartSnapshotter();
        assertEquals(before, node.snapshots(SnapshotterNode.CRI));
        assertEquals("hello from 2\n", runAnother());
        assertEquals("and on top of it\n", cri.exec(container, "/bin/cat", "/hello"));
        cri.removeContainer(container);
        cri.removePod(pod);
    }

    /** As after a test that failed in the middle. */
    @Test
    void nothingOutlivesANodeThatIsClosed() throws Exception {
        node.cri().pull(app1);
        String pod = node.cri().runPod("pod-1");
        node.cri().runContainer(pod, "pod-1", app1, List.of("/bin/sleep", "infinity"));
        String folder = node.folder().toString();
        assertTrue(isRunning(folder));
        node.containerd().kill();
        node.close();
        node.await("shims and containers are gone", () -> !isRunning(folder));
        assertFalse(Files.exists(Path.of(folder)));
    }

    private static boolean isRunning(String folder) {
        return ProcessHandle.allProcesses()
                .anyMatch(process -> process.info().commandLine().orElse("").contains(folder));
    }

    @Test
    void aLostStateComesBackOfWhatContainerdHasKept() throws Exception {
        assumeTrue(version.name().startsWith("2."), "before 2.1, ctr's pulls have no labels");
        node.pull(NAMESPACE, app1);
        List<String> before = node.snapshots(NAMESPACE);
        node.loseState();
        assertEquals("and on top of it\n", node.run(NAMESPACE, app1, "c1", "/bin/cat", "/hello"));
        assertEquals(before, node.snapshots(NAMESPACE));
        node.loseState();
        node.pull(NAMESPACE, app2);
        node.pull(NAMESPACE, app1);
        assertEquals("hello from 2\n", node.run(NAMESPACE, app2, "c2", "/bin/cat", "/hello"));
        assertEquals("and on top of it\n", node.run(NAMESPACE, app1, "c3", "/bin/cat", "/hello"));
    }

    @Test
    void aLostStateOfAnUnlabelledPullIsSaidAndAnewPullMends() throws Exception {
        assumeTrue(version.name().startsWith("1."), "from 2.1 on, ctr's pulls have labels");
        node.pull(NAMESPACE, app1);
        node.loseState();
        Shell.Result refused =
                node.tryCtr(NAMESPACE, "run", "--rm", "--snapshotter", "rafter", app1, "c1", "/bin/cat", "/hello");
        assertFalse(refused.status() == 0, refused.output());
        assertTrue(refused.output().contains("remove the image and pull it again"), refused.output());
        node.ctr(NAMESPACE, "images", "rm", "--sync", app1);
        node.pull(NAMESPACE, app1);
        assertEquals("and on top of it\n", node.run(NAMESPACE, app1, "c2", "/bin/cat", "/hello"));
    }
}
