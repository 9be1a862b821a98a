package dev.rafter.deploy.e2e;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.rafter.deploy.harness.Containerd;
import dev.rafter.deploy.harness.Rafter;
import dev.rafter.deploy.harness.Shell;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A node: our snapshotter and a containerd that uses it by the configuration that we ship, all below one folder. */
final class SnapshotterNode implements AutoCloseable {
    /** CRI's namespace. */
    static final String CRI = "k8s.io";

    static final Path WORK = Path.of(System.getProperty("rafter.home"), "deploy/target/e2e");
    private static final Path SNIPPETS = Path.of(System.getProperty("rafter.home"), "deploy/containerd");

    private final ContainerdVersion version;
    private final Path folder;
    private final Rafter rafter;
    private Process snapshotter;
    private final Containerd containerd;
    private final CriClient cri;
    private @Nullable SmallDisk disk;

    private SnapshotterNode(ContainerdVersion version, Path folder, String pauseImage, String... options)
            throws Exception {
        this.version = version;
        this.folder = folder;
        this.rafter = Rafter.in(folder, withConfiguration(options));
        Files.createDirectories(folder.resolve("logs"));
        startSnapshotter();
        containerd = Containerd.start(version.binaries(), folder.resolve("c"), configuration(pauseImage));
        cri = new CriClient(containerd.socket(), folder.resolve("logs"));
    }

    private String[] withConfiguration(String... options) throws IOException {
        Path file = Files.writeString(
                folder.resolve("config.toml"),
                "[snapshotter]\ncontainerd = \"" + folder.resolve("c/containerd.sock") + "\"\n");
        return Stream.concat(Stream.of("--config", file.toString()), Arrays.stream(options))
                .toArray(String[]::new);
    }

    /**
     * Starts both on a new folder: on a disk, since cache files cannot be in memory. Skips the test if that containerd is not here.
     *
     * @param options of our daemon
     */
    static SnapshotterNode start(ContainerdVersion version, String pauseImage, String... options) throws Exception {
        assumeTrue(version.isHere(), version.missing());
        return new SnapshotterNode(version, makeFolder(), pauseImage, options);
    }

    /** The same with our daemon's files on a disk of so many bytes. */
    static SnapshotterNode startOnSmallDisk(ContainerdVersion version, String pauseImage, long bytes) throws Exception {
        Path folder = makeFolder();
        SmallDisk disk = SmallDisk.mount(folder.resolve("disk.img"), folder.resolve("root"), bytes);
        SnapshotterNode node = new SnapshotterNode(version, folder, pauseImage);
        node.disk = disk;
        return node;
    }

    private static Path makeFolder() throws IOException {
        Path folder = Files.createTempDirectory(Files.createDirectories(WORK), "n");
        // A user namespace's root has to pass through it.
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx--x--x"));
        return folder;
    }

    /** The disk that our daemon's files are on, of a node that was started so. */
    SmallDisk disk() {
        return Objects.requireNonNull(disk);
    }

    private String configuration(String pauseImage) throws IOException {
        String shipped = Files.readString(SNIPPETS.resolve(version.snippet()));
        String ours = shipped.substring(shipped.indexOf("version = "))
                .replace("/run/rafter/snapshotter.sock", socket().toString())
                .replace("/var/lib/rafter", root().toString());
        String test = version.name().startsWith("1.") ? """
                [plugins."io.containerd.grpc.v1.cri"]
                  sandbox_image = "%1$s"
                  # Not every machine that runs tests may lower the score.
                  restrict_oom_score_adj = true
                  [plugins."io.containerd.grpc.v1.cri".registry]
                    config_path = "%2$s/certs.d"
                  [plugins."io.containerd.grpc.v1.cri".cni]
                    bin_dir = "%2$s/cni"
                    conf_dir = "%2$s/cni"
                [plugins."io.containerd.internal.v1.opt"]
                  path = "%2$s/opt"
                """ : """
                [plugins.'io.containerd.cri.v1.images'.pinned_images]
                  sandbox = "%1$s"
                [plugins.'io.containerd.cri.v1.images'.registry]
                  config_path = "%2$s/certs.d"
                [plugins.'io.containerd.cri.v1.runtime']
                  restrict_oom_score_adj = true
                  [plugins.'io.containerd.cri.v1.runtime'.cni]
                    bin_dir = "%2$s/cni"
                    conf_dir = "%2$s/cni"
                [plugins.'io.containerd.nri.v1.nri']
                  disable = true
                [plugins.'io.containerd.internal.v1.opt']
                  path = "%2$s/opt"
                """;
        return ours + "\n" + test.formatted(pauseImage, folder);
    }

    /** Makes CRI speak plain HTTP to a registry, without asking for HTTPS first. */
    void plainHttp(String host) throws IOException {
        mirror(host, host);
    }

    /** Makes CRI, and not us, find a registry at another address than its name says. */
    void mirror(String host, String address) throws IOException {
        Path hosts =
                Files.createDirectories(folder.resolve("certs.d").resolve(host)).resolve("hosts.toml");
        Files.writeString(hosts, """
                server = "http://%1$s"
                [host."http://%1$s"]
                  capabilities = ["pull", "resolve"]
                """.formatted(address));
    }

    /** All that the node is. */
    Path folder() {
        return folder;
    }

    Path root() {
        return rafter.root();
    }

    Path run() {
        return rafter.run();
    }

    Path socket() {
        return rafter.run().resolve("snapshotter.sock");
    }

    Containerd containerd() {
        return containerd;
    }

    CriClient cri() {
        return cri;
    }

    /** Starts the snapshotter again, and waits until containerd, which was refused before, reaches it. */
    void restartSnapshotter() throws Exception {
        startSnapshotter();
        await("containerd reaches the snapshotter", () -> trySnapshots("prepare", "probe"));
        trySnapshots("rm", "probe");
    }

    private boolean trySnapshots(String verb, String key) throws IOException, InterruptedException {
        return tryCtr("probe", "snapshots", "--snapshotter", "rafter", verb, key)
                        .status()
                == 0;
    }

    private void startSnapshotter() throws IOException, InterruptedException {
        Files.deleteIfExists(socket());
        snapshotter = rafter.startDaemon();
        long deadline = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        while (!Files.exists(socket())) {
            if (!snapshotter.isAlive() || System.nanoTime() > deadline) {
                throw new IOException("the snapshotter does not serve:\n" + log());
            }
            snapshotter.waitFor(Duration.ofMillis(20));
        }
    }

    /** All that the snapshotter has is deleted while it is stopped, and containerd is not told. */
    void loseState() throws Exception {
        stopSnapshotter();
        Shell.deleteTree(root());
        restartSnapshotter();
    }

    void stopSnapshotter() {
        Shell.stop(snapshotter);
    }

    void killSnapshotter() {
        Shell.kill(snapshotter);
    }

    String log() throws IOException {
        return Files.readString(folder.resolve("daemon.log"));
    }

    /** ctr in a namespace; its output without warnings. */
    String ctr(String namespace, String... arguments) throws IOException, InterruptedException {
        return tryCtr(namespace, arguments)
                .orThrow()
                .lines()
                .filter(line -> !line.startsWith("time="))
                .map(line -> line + "\n")
                .collect(Collectors.joining());
    }

    Shell.Result tryCtr(String namespace, String... arguments) throws IOException, InterruptedException {
        List<String> all = new ArrayList<>(List.of("--namespace", namespace));
        all.addAll(Arrays.asList(arguments));
        return containerd.tryCtr(Duration.ofMinutes(2), all.toArray(String[]::new));
    }

    void pull(String namespace, String reference) throws IOException, InterruptedException {
        ctr(namespace, "images", "pull", "--plain-http", "--snapshotter", "rafter", reference);
    }

    /** Runs a command in a container of an image, to its end; gives its output. */
    String run(String namespace, String reference, String id, String... command)
            throws IOException, InterruptedException {
        return run(namespace, List.of(), reference, id, command);
    }

    /** Through a file: what a short-lived container says is lost where ctr opens its end of their pipe too late. */
    String run(String namespace, List<String> options, String reference, String id, String... command)
            throws IOException, InterruptedException {
        Path output = Files.createTempFile(folder, id, ".log");
        List<String> all =
                new ArrayList<>(List.of("run", "--rm", "--snapshotter", "rafter", "--log-uri", "file://" + output));
        all.addAll(options);
        all.addAll(List.of(reference, id));
        all.addAll(Arrays.asList(command));
        try {
            ctr(namespace, all.toArray(String[]::new));
        } catch (IOException e) {
            throw new IOException(e.getMessage() + "\nthe container said:\n" + Files.readString(output), e);
        }
        return Files.readString(output);
    }

    /** Names of snapshots as containerd knows them. */
    List<String> snapshots(String namespace) throws IOException, InterruptedException {
        return ctr(namespace, "snapshots", "--snapshotter", "rafter", "list")
                .lines()
                .skip(1)
                .map(line -> line.split("\\s+", 2)[0])
                .toList();
    }

    /** Where lazily served images are mounted. */
    List<String> imageMounts() throws IOException {
        return Files.readAllLines(Path.of("/proc/self/mountinfo")).stream()
                .map(line -> line.split(" ", -1)[4])
                .filter(point -> point.startsWith(run().toString()))
                .toList();
    }

    /** Whether a container can be reached by CRI. */
    boolean answers(String container) {
        try {
            return !cri.exec(container, "/bin/cat", "/hello").isEmpty();
        } catch (StatusRuntimeException | IOException _) {
            return false;
        }
    }

    /** Folders of snapshots on disk. */
    List<String> folders() throws IOException {
        try (Stream<Path> all = Files.list(root().resolve("snapshots"))) {
            return all.map(path -> path.getFileName().toString()).sorted().toList();
        }
    }

    /** Waits for something that happens by itself. */
    void await(String what, Condition condition) throws Exception {
        long deadline = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        while (!condition.holds()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("not within 30 s: " + what + "\n" + log());
            }
            Thread.sleep(50);
        }
    }

    /**
     * Waits for what containerd's garbage collector does. Its scheduler forgets what is deleted while a collection runs, until something
     * else changes: so it is asked to collect, again and again.
     */
    void awaitCollected(String what, Condition condition) throws Exception {
        await(what, () -> condition.holds() || (collect() && condition.holds()));
    }

    /** Has containerd collect; says whether it did. */
    private boolean collect() throws IOException, InterruptedException {
        String lease = "collect-" + System.nanoTime();
        return tryCtr("default", "leases", "create", "--id", lease).status() == 0
                && tryCtr("default", "leases", "delete", "--sync", lease).status() == 0;
    }

    interface Condition {
        boolean holds() throws Exception;
    }

    @Override
    public void close() throws IOException {
        try {
            stopAll();
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    private void stopAll() throws IOException, InterruptedException {
        for (String namespace : List.of("default", CRI)) {
            Shell.Result tasks = tryCtr(namespace, "tasks", "list", "--quiet");
            for (String task : tasks.status() == 0 ? tasks.output().lines().toList() : List.<String>of()) {
                tryCtr(namespace, "tasks", "delete", "--force", task);
            }
        }
        cri.close();
        containerd.close();
        Shell.kill(snapshotter);
        unmountBelow(folder);
        Shell.deleteTree(folder);
    }

    private static void unmountBelow(Path folder) throws IOException, InterruptedException {
        List<String> mounted = Files.readAllLines(Path.of("/proc/self/mountinfo")).stream()
                .map(line -> line.split(" ", -1)[4])
                .filter(point -> point.startsWith(folder + "/"))
                .sorted(Comparator.reverseOrder())
                .toList();
        for (String point : mounted) {
            Shell.tryRun(Duration.ofSeconds(20), "umount", "--lazy", point);
        }
    }
}
