package dev.rafter.deploy.bench;

import dev.rafter.deploy.harness.Containerd;
import dev.rafter.deploy.harness.Shell;
import dev.rafter.registry.embedded.Link;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** containerd's own pull of the whole image into its overlayfs snapshotter, then ctr run. */
final class OverlayfsPull implements Comparator {
    private static final AtomicInteger CONTAINERS = new AtomicInteger();

    private final Path folder;
    private @Nullable Containerd containerd;

    OverlayfsPull(Path folder) {
        this.folder = folder;
    }

    @Override
    public String name() {
        return "overlayfs";
    }

    @Override
    public void reset(Link link) throws IOException, InterruptedException {
        close();
        containerd = Containerd.start(Path.of("/usr/bin"), folder, "");
    }

    @Override
    public Ready start(BenchImage image, Link link) throws IOException, InterruptedException {
        Containerd running = Objects.requireNonNull(containerd, "reset comes before start");
        String reference = image.reference(link.host());
        running.ctr("images", "pull", "--plain-http", reference);
        String id = "bench-" + ProcessHandle.current().pid() + "-" + CONTAINERS.incrementAndGet();
        return ReadyLine.await(
                link,
                new ProcessBuilder(List.of(
                        "ctr",
                        "--address",
                        running.socket().toString(),
                        "run",
                        "--rm",
                        "--env",
                        "ONESHOT=1",
                        reference,
                        id)));
    }

    @Override
    public void close() throws IOException {
        if (containerd != null) {
            containerd.close();
            containerd = null;
            Shell.deleteTree(folder);
        }
    }
}
