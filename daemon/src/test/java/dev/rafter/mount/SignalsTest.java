package dev.rafter.mount;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.api.ApiClient;
import dev.rafter.linux.Fd;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Signals to the daemon and to its supervisor, at good moments and bad ones: both end, and leave nothing mounted. */
@Timeout(180)
class SignalsTest {
    private TestNode node;
    private Path target;
    private ProcessHandle daemon;
    private ProcessHandle supervisor;

    @BeforeEach
    void mount() throws IOException {
        node = TestNode.create();
        target = node.folder().resolve("mnt");
        node.must("mount", "oci:" + TestNode.FIXTURES.resolve("rafs6-chunk64k") + ":fixture", target.toString());
        daemon = ProcessHandle.of(new ApiClient(node.run().resolve("rafter.sock"))
                        .status()
                        .pid())
                .orElseThrow();
        supervisor = daemon.parent().orElseThrow();
    }

    @AfterEach
    void remove() throws IOException {
        if (node != null) {
            supervisor.descendants().forEach(ProcessHandle::destroyForcibly);
            supervisor.destroyForcibly();
            node.close();
        }
    }

    private void assertEnded() throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (supervisor.isAlive() || daemon.isAlive()) {
            assertTrue(System.nanoTime() < deadline, () -> "both end\n" + node.log());
            Thread.sleep(20);
        }
        assertTrue(MountInfo.at(target).isEmpty(), node.log());
        assertTrue(node.log().contains("dev.rafter: ended"), () -> "it says so to the last\n" + node.log());
    }

    @Test
    void aSignalToTheSupervisorEndsBoth() throws Exception {
        supervisor.destroy();
        assertEnded();
    }

    @Test
    void aSignalToTheDaemonEndsBoth() throws Exception {
        daemon.destroy();
        assertEnded();
    }

    /** As from a terminal. */
    @Test
    void aSignalToBothEndsBoth() throws Exception {
        daemon.destroy();
        supervisor.destroy();
        assertEnded();
    }

    @Test
    void aSignalWhileTheDaemonIsStartedAgainEndsBoth() throws Exception {
        daemon.destroyForcibly();
        daemon.onExit().get(20, TimeUnit.SECONDS);
        Thread.sleep(100);
        supervisor.destroy();
        assertEnded();
    }

    @Test
    void aDaemonThatWasJustKilledCanBeStopped() throws Exception {
        daemon.destroyForcibly();
        daemon.onExit().get(20, TimeUnit.SECONDS);
        node.must("stop");
        assertEnded();
    }

    @Test
    void afterTheDaemonWasStoppedTheNextOneStartsAtOnce() throws Exception {
        for (int i = 0; i < 5; i++) {
            node.must("stop");
            try (Fd lock = Fd.open(node.root().resolve("lock"), Fd.O_RDWR)) {
                assertTrue(lock.tryLock(), "somebody still has files below the root");
            }
            assertEquals(0, node.rafter("start").exitCode(), node.log());
        }
        node.must("stop");
    }
}
