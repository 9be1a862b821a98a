package dev.rafter.deploy.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.deploy.harness.Rafter;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** The configuration that we ship for a containerd does with that containerd what it is for. */
@ParameterizedClass
@MethodSource("dev.rafter.deploy.e2e.ContainerdVersion#everyOneHere")
@Timeout(180)
final class ConfigurationSnippetTest {
    private static final Pattern PLUGIN =
            Pattern.compile("(?m)^io\\.containerd\\.snapshotter\\.v1\\s+rafter\\s.*\\bok\\s*$");

    @AutoClose
    private static TestRegistry registry;

    private static String pause;
    private static String lazy;

    private final ContainerdVersion version;
    private SnapshotterNode node;

    ConfigurationSnippetTest(ContainerdVersion version) {
        this.version = version;
    }

    @BeforeAll
    static void pushImages() throws Exception {
        registry = TestRegistry.start();
        pause = registry.images().push("pause:1");
        String app = registry.images().push("app:1", Map.of("hello", "hello\n"));
        lazy = app + "-rafs";
        Rafter.in(registry.folder().resolve("convert")).command("convert", app, lazy);
    }

    @BeforeEach
    void startNode() throws Exception {
        node = SnapshotterNode.start(version, pause);
        node.plainHttp(registry.docker().host());
    }

    @AfterEach
    void stopNode() throws IOException {
        if (node != null) {
            node.close();
        }
    }

    @Test
    void thePluginIsLoadedAndAPodOfALazyImageRuns() throws Exception {
        String plugins = node.ctr("default", "plugins", "list");
        assertTrue(PLUGIN.matcher(plugins).find(), plugins);
        CriClient cri = node.cri();
        cri.pull(lazy);
        String pod = cri.runPod("pod-1");
        String container = cri.runContainer(pod, "pod-1", lazy, List.of("/bin/sleep", "infinity"));
        assertEquals("hello\n", cri.exec(container, "/bin/cat", "/hello"));
        assertEquals(1, node.imageMounts().size(), "it is served lazily");
        cri.removeContainer(container);
        cri.removePod(pod);
    }
}
