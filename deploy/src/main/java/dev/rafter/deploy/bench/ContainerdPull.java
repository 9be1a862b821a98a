package dev.rafter.deploy.bench;

import dev.rafter.registry.embedded.Link;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A pull by containerd and ctr run: of the whole image into overlayfs, or of the converted image into our snapshotter. */
final class ContainerdPull implements Comparator {
    private final Path binaries;
    private final Path folder;
    private final boolean lazy;
    private @Nullable ContainerdNode node;

    /**
     * One of the two.
     *
     * @param binaries folder of containerd and ctr
     * @param lazy whether by our snapshotter
     */
    ContainerdPull(Path binaries, Path folder, boolean lazy) {
        this.binaries = binaries;
        this.folder = folder;
        this.lazy = lazy;
    }

    @Override
    public String name() {
        return lazy ? "snapshotter" : "overlayfs";
    }

    @Override
    public void reset(Link link) throws IOException, InterruptedException {
        close();
        node = lazy ? ContainerdNode.rafter(binaries, folder) : ContainerdNode.overlayfs(binaries, folder);
    }

    @Override
    public Ready start(BenchImage image, Link link) throws IOException, InterruptedException {
        ContainerdNode running = Objects.requireNonNull(node, "reset comes before start");
        String reference = lazy ? image.rafsReference(link.host()) : image.reference(link.host());
        running.pull(reference);
        return running.run(reference, link);
    }

    @Override
    public void close() throws IOException {
        if (node != null) {
            node.close();
            node = null;
        }
    }
}
