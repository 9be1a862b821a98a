package dev.rafter.config;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * The effective configuration. What each value means and its default stand at its key in {@link Keys}.
 *
 * @param root directory of images, blobs and snapshots
 * @param run directory of sockets and mount records
 * @param demandTimeout how long a reader waits at most before it gets EIO
 * @param backgroundFill whether mounted images are completed while nobody waits
 */
public record Config(
        Path root,
        Path run,
        Duration demandTimeout,
        boolean backgroundFill,
        Registry registry,
        Snapshotter snapshotter) {

    /**
     * How registries are spoken to.
     *
     * @param plainHttp HOST[:PORT] of those that are spoken to in plain HTTP
     * @param caFiles PEM files of further certificate authorities
     * @param credentials docker's config.json; empty: where docker looks for it
     * @param certsDirectory TLS files per registry in containerd's layout; empty: none
     * @param maxRequests how many requests run at once with one host
     */
    public record Registry(
            List<String> plainHttp,
            List<Path> caFiles,
            Optional<Path> credentials,
            Optional<Path> certsDirectory,
            int maxRequests) {
        public Registry {
            plainHttp = List.copyOf(plainHttp);
            caFiles = List.copyOf(caFiles);
        }
    }

    /**
     * The containerd snapshotter.
     *
     * @param enabled whether the daemon serves it
     * @param socket its gRPC socket
     * @param containerd containerd's own gRPC socket
     */
    public record Snapshotter(boolean enabled, Path socket, Path containerd) {}

    /** The HTTP interface's socket. */
    public Path apiSocket() {
        return run.resolve("rafter.sock");
    }
}
