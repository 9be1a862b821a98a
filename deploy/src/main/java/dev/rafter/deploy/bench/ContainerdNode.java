package dev.rafter.deploy.bench;

import dev.rafter.deploy.bench.Comparator.Ready;
import dev.rafter.deploy.harness.Containerd;
import dev.rafter.deploy.harness.Rafter;
import dev.rafter.deploy.harness.Shell;
import dev.rafter.registry.embedded.Link;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A node whose containerd unpacks either into its own overlayfs snapshotter, or into ours by the configuration that we ship. */
final class ContainerdNode implements AutoCloseable {
    private static final AtomicInteger CONTAINERS = new AtomicInteger();
    private static final String OURS = "rafter";
    private static final String NAMESPACE = "default";
    /** Else what was pulled in one namespace would not be fetched in another. */
    private static final String ISOLATED = """

            [plugins."io.containerd.metadata.v1.bolt"]
              content_sharing_policy = "isolated"
            """;

    private final Path binaries;
    private final Path folder;
    private final String snapshotter;
    private final @Nullable Rafter rafter;
    private final Containerd containerd;

    private ContainerdNode(Path binaries, Path folder, @Nullable Rafter rafter, String configuration)
            throws IOException, InterruptedException {
        this.binaries = binaries;
        this.folder = folder;
        this.rafter = rafter;
        snapshotter = rafter == null ? "overlayfs" : OURS;
        containerd = Containerd.start(binaries, folder.resolve("c"), configuration);
    }

    /** One with nothing on it, below a folder of its own. */
    static ContainerdNode overlayfs(Path binaries, Path folder) throws IOException, InterruptedException {
        return new ContainerdNode(binaries, folder, null, ISOLATED);
    }

    /** The same with our daemon running. Only a containerd from 2.1 on tells a snapshotter what ctr pulls. */
    static ContainerdNode rafter(Path binaries, Path folder) throws IOException, InterruptedException {
        Rafter rafter = Rafter.in(folder);
        rafter.command("start");
        String shipped = Files.readString(Bench.home().resolve("deploy/containerd/containerd-2.1.toml"));
        String configuration = shipped.substring(shipped.indexOf("version = "))
                .replace(
                        "/run/rafter/snapshotter.sock",
                        rafter.run().resolve("snapshotter.sock").toString())
                .replace("/var/lib/rafter", rafter.root().toString());
        return new ContainerdNode(binaries, folder, rafter, configuration + ISOLATED);
    }

    /** The folder of the newest containerd that is here: what the variable CONTAINERD22 names, what the tests have built, or Debian's. */
    static Path newest() throws IOException {
        String cache = Optional.ofNullable(System.getenv("XDG_CACHE_HOME"))
                .orElse(System.getProperty("user.home") + "/.cache");
        String named = Optional.ofNullable(System.getenv("CONTAINERD22")).orElse(cache + "/rafter/containerd-2.2.3");
        Path folder = Path.of(named);
        return Stream.of("containerd", "ctr", "containerd-shim-runc-v2")
                        .allMatch(name -> Files.isExecutable(folder.resolve(name)))
                ? folder
                : Path.of("/usr/bin");
    }

    void pull(String reference) throws IOException, InterruptedException {
        pull(NAMESPACE, reference);
    }

    void pull(String namespace, String reference) throws IOException, InterruptedException {
        containerd.ctr(
                "--namespace", namespace, "images", "pull", "--plain-http", "--snapshotter", snapshotter, reference);
    }

    Ready run(String reference, Link link) throws IOException, InterruptedException {
        return run(NAMESPACE, reference, link);
    }

    /** Runs an image that was pulled until it is ready, and to its end. */
    Ready run(String namespace, String reference, Link link) throws IOException, InterruptedException {
        String id = "bench-" + ProcessHandle.current().pid() + "-" + CONTAINERS.incrementAndGet();
        return ReadyLine.await(
                link,
                new ProcessBuilder(List.of(
                        binaries.resolve("ctr").toString(),
                        "--address",
                        containerd.socket().toString(),
                        "--namespace",
                        namespace,
                        "run",
                        "--rm",
                        "--snapshotter",
                        snapshotter,
                        "--env",
                        "ONESHOT=1",
                        reference,
                        id)));
    }

    @Override
    public void close() throws IOException {
        containerd.close();
        if (rafter != null) {
            rafter.close();
        }
        Shell.deleteTree(folder);
    }
}
