package dev.rafter.config;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** Every key that the configuration file may have. */
final class Keys {
    static final Key<Path> ROOT = Key.path(
            "", "root", "/var/lib/rafter", "Directory of images, blobs and snapshots. Must be on ext4, xfs or btrfs.");

    static final Key<Path> RUN =
            Key.path("", "run", "/run/rafter", "Directory of sockets and mount records; made private (0700).");

    static final Key<Duration> DEMAND_TIMEOUT = Key.duration(
            "demand",
            "timeout",
            Duration.ofSeconds(30),
            Duration.ofMillis(100),
            Duration.ofHours(1),
            "How long a reader waits for bytes that are not on disk, over all retries, before it gets EIO.");

    static final Key<Boolean> BACKGROUND_FILL = Key.bool(
            "fill", "background", false, "Complete the blobs of mounted images while no reader waits for anything.");

    static final Key<List<String>> PLAIN_HTTP = Key.texts(
            "registry",
            "plain-http",
            "HOST[:PORT] of registries that are spoken to in plain HTTP. Loopback addresses are, unless ca-files or certs-dir say otherwise.");

    static final Key<List<String>> CA_FILES = Key.texts(
            "registry", "ca-files", "PEM files of certificate authorities that are trusted besides the system's.");

    static final Key<String> CREDENTIALS = Key.text(
            "registry",
            "credentials",
            "",
            "Docker's config.json with the credentials of registries. Empty: $DOCKER_CONFIG/config.json, ~/.docker/config.json.");

    static final Key<String> CERTS_DIRECTORY = Key.text(
            "registry",
            "certs-dir",
            "/etc/containerd/certs.d",
            "Directory of TLS files per registry, in containerd's layout. Empty: none.");

    static final Key<Integer> MAX_REQUESTS = Key.integer(
            "registry", "max-requests", 16, 1, 1024, "How many reads of blobs run at once with one registry.");

    static final Key<Boolean> SNAPSHOTTER =
            Key.bool("snapshotter", "enabled", true, "Serve containerd's snapshotter interface.");

    static final Key<String> SNAPSHOTTER_SOCKET =
            Key.text("snapshotter", "socket", "", "Its gRPC socket. Empty: snapshotter.sock in the directory \"run\".");

    static final Key<Path> SNAPSHOTTER_CONTAINERD = Key.path(
            "snapshotter",
            "containerd",
            "/run/containerd/containerd.sock",
            "containerd's own socket. Used only to make image layers again that containerd believes in and that were lost here.");

    static final List<Key<?>> ALL = List.of(
            ROOT,
            RUN,
            DEMAND_TIMEOUT,
            BACKGROUND_FILL,
            PLAIN_HTTP,
            CA_FILES,
            CREDENTIALS,
            CERTS_DIRECTORY,
            MAX_REQUESTS,
            SNAPSHOTTER,
            SNAPSHOTTER_SOCKET,
            SNAPSHOTTER_CONTAINERD);

    private Keys() {}
}
