package dev.rafter.deploy.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.rafter.api.ApiClient;
import dev.rafter.deploy.e2e.cri.NamespaceOption;
import dev.rafter.deploy.harness.Rafter;
import dev.rafter.deploy.harness.Shell;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Containers with user namespaces: in them, and of what they write on the host, everything is owned as on containerd's own overlayfs
 * snapshotter. containerd before 2.0 knows no idmapped mounts and changes the owners of all files first.
 */
@ParameterizedClass
@MethodSource("dev.rafter.deploy.e2e.ContainerdVersion#everyOneHere")
@Timeout(180)
final class UserNamespaceTest {
    private static final String CRI = SnapshotterNode.CRI;
    private static final String OURS = "rafter";
    private static final String OVERLAYFS = "overlayfs";
    private static final int HOST = 100000;
    private static final int LENGTH = 65536;
    /** Sees who owns what, and changes it. */
    private static final String SCRIPT = """
            exec 2>&1
            tell() { /bin/busybox stat -c '%n %u:%g %a' "$@"; }
            cat /proc/self/uid_map
            tell / /bin /bin/busybox /owned /owned/*
            for f in /owned/*; do echo x 2>/dev/null >> $f && echo wrote $f; done
            echo > /tmp/new
            /bin/busybox chown 1000:2000 /tmp/new
            /bin/busybox mv /owned/user /owned/moved
            /bin/busybox chown 5:6 /owned/root
            /bin/busybox mkdir /made
            tell /tmp/new /made /owned /owned/*
            cat /owned/moved || true
            """;
    /** Gives every pod the same address, and changes nothing. */
    private static final String NETWORK_PLUGIN = """
            #!/bin/sh
            cat > /dev/null
            if [ "$CNI_COMMAND" = ADD ]; then
              echo '{"cniVersion":"0.4.0","interfaces":[{"name":"'$CNI_IFNAME'","sandbox":"'$CNI_NETNS'"}],'
              echo '"ips":[{"version":"4","interface":0,"address":"10.0.0.2/24"}]}'
            fi
            """;

    /** Text that hardly compresses: several chunks. */
    private static final String NOISE = BusyboxImages.noise(1 << 20);

    private static final Pattern UPPER = Pattern.compile("upperdir=([^,\\s]+)");

    @AutoClose
    private static TestRegistry registry;

    private static String pause;
    private static String one;
    private static String many;
    private static String lazy;

    private final ContainerdVersion version;
    private SnapshotterNode node;

    UserNamespaceTest(ContainerdVersion version) {
        this.version = version;
    }

    @BeforeAll
    static void pushImages() throws Exception {
        registry = TestRegistry.start();
        pause = registry.images().push("pause:1");
        one = registry.images().push("one:1");
        many = registry.images()
                .push(
                        "many:1",
                        List.of(ownedFiles()),
                        Map.of("hello", "hello\n", "noise", NOISE),
                        Map.of("hello", "above\n"));
        lazy = many + "-rafs";
        Rafter.in(registry.folder().resolve("convert")).command("convert", many, lazy);
    }

    private static Path ownedFiles() throws Exception {
        Path top = registry.folder().resolve("files");
        Path owned = Files.createDirectories(top.resolve("owned"));
        own(owned.resolve("root"), 0);
        own(owned.resolve("user"), 1000);
        own(owned.resolve("highest"), LENGTH - 1);
        own(owned.resolve("outside"), LENGTH + 4464);
        Files.setAttribute(owned, "unix:uid", 1000);
        Path tar = registry.folder().resolve("files.tar");
        Shell.run("tar", "--create", "--numeric-owner", "--file=" + tar, "--directory=" + top, ".");
        return tar;
    }

    private static void own(Path file, int id) throws IOException {
        Files.writeString(file, "text\n");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
        Files.setAttribute(file, "unix:uid", id);
        Files.setAttribute(file, "unix:gid", id);
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

    private void pullForOverlayfs(String image) throws Exception {
        List<String> pull = new ArrayList<>(List.of("images", "pull", "--plain-http", "--snapshotter", OVERLAYFS));
        if (idmaps()) {
            // The transfer service unpacks for those alone that its configuration names.
            pull.add("--local");
        }
        pull.add(image);
        node.ctr(CRI, pull.toArray(String[]::new));
    }

    private boolean idmaps() {
        return !version.name().startsWith("1.");
    }

    /** Whether it takes a mapping of several ranges, too. */
    private boolean takesRanges() {
        return idmaps() && !version.name().startsWith("2.0");
    }

    /** Runs the script; gives what it prints, and whose on the host what it has written is. */
    private List<String> run(String snapshotter, String image, List<String> mappings) throws Exception {
        List<String> run = new ArrayList<>(List.of("run", "--snapshotter", snapshotter));
        if (!version.name().startsWith("1.6")) {
            // Without it ctr itself changes the owners of all files, which is all that 1.6 can have done.
            run.add("--remap-labels");
        }
        for (String mapping : mappings) {
            run.addAll(List.of("--uidmap", mapping, "--gidmap", mapping));
        }
        run.addAll(List.of(image, "c1", "/bin/sh", "-c", SCRIPT));
        List<String> seen = new ArrayList<>(
                node.ctr(CRI, run.toArray(String[]::new)).lines().toList());
        seen.addAll(ownersBelow(upperOf(snapshotter, "c1")));
        node.ctr(CRI, "containers", "rm", "c1");
        return seen;
    }

    private Path upperOf(String snapshotter, String snapshot) throws IOException, InterruptedException {
        String mounts = node.ctr(CRI, "snapshots", "--snapshotter", snapshotter, "mounts", "/", snapshot);
        Matcher upper = UPPER.matcher(mounts);
        assertTrue(upper.find(), mounts);
        return Path.of(upper.group(1));
    }

    private static List<String> ownersBelow(Path folder) throws IOException {
        List<String> owners = new ArrayList<>();
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path path : all.sorted().toList()) {
                Map<String, Object> owner = Files.readAttributes(path, "unix:uid,gid", LinkOption.NOFOLLOW_LINKS);
                owners.add("/" + folder.relativize(path) + " is " + owner.get("uid") + ":" + owner.get("gid"));
            }
        }
        return owners;
    }

    @Test
    void everythingIsOwnedAsOnOverlayfs() throws Exception {
        for (String image : List.of(one, many, lazy)) {
            node.cri().pull(image);
        }
        pullForOverlayfs(one);
        pullForOverlayfs(many);
        List<String> mapping = List.of("0:100000:65536");
        assertEquals(run(OVERLAYFS, one, mapping), run(OURS, one, mapping), "an image of one layer");
        List<String> seen = assertSame(mapping);
        assertTrue(seen.containsAll(List.of("/owned/user 1000:1000 644", "/tmp/new is 101000:102000")), seen::toString);
        if (takesRanges()) {
            assertTrue(assertSame(List.of("0:100000:1000", "1000:300000:64536")).contains("/tmp/new is 300000:301000"));
        }
        assertEquals(1, node.imageMounts().size(), "it is served lazily");
        assertEquals("above\n", node.run(CRI, lazy, "c2", "/bin/cat", "/hello"), "with no user namespace");
    }

    private List<String> assertSame(List<String> mappings) throws Exception {
        List<String> expected = run(OVERLAYFS, many, mappings);
        assertEquals(expected, run(OURS, many, mappings), "an image of many layers");
        assertEquals(expected, run(OURS, lazy, mappings), "an image that is served lazily");
        return expected;
    }

    /** That such a container is over an image's mount cannot be seen: its overlay is over a nameless, idmapped one. */
    @Test
    void aContainerReadsOnWhenItsImageIsUnmountedAndTheDaemonKilled() throws Exception {
        assumeTrue(takesRanges(), "containerd before 2.0 knows no idmapped mounts; 2.0 is left out to save time");
        node.cri().pull(lazy);
        String mapping = "0:100000:65536";
        List<String> run = new ArrayList<>(List.of("run", "--detach", "--snapshotter", OURS, "--remap-labels"));
        run.addAll(List.of("--uidmap", mapping, "--gidmap", mapping, lazy, "c1", "/bin/sleep", "infinity"));
        node.ctr(CRI, run.toArray(String[]::new));
        ApiClient daemon = new ApiClient(node.run().resolve("rafter.sock"));
        assertThrows(IOException.class, daemon::stop, "its guards are needed");
        assertEquals(part(0), read(0));
        assertEquals("above\n", node.run(CRI, lazy, "c2", "/bin/cat", "/hello"), "another container");
        ProcessHandle.of(Long.parseLong(
                        Files.readString(node.run().resolve("daemon.pid")).strip()))
                .orElseThrow()
                .destroyForcibly();
        assertEquals(part(512), read(512));
    }

    private static String part(int kibibytes) {
        return NOISE.substring(kibibytes << 10, (kibibytes + 1) << 10);
    }

    private String read(int kibibytes) throws IOException, InterruptedException {
        String read = "/bin/busybox dd if=/noise bs=1k count=1 2>/dev/null skip=" + kibibytes;
        return node.ctr(CRI, "tasks", "exec", "--exec-id", "e" + kibibytes, "c1", "/bin/sh", "-c", read)
                .strip();
    }

    @Test
    void aPodHasAUserNamespace() throws Exception {
        assumeTrue(!version.name().startsWith("1.6"), "CRI of containerd 1.6 knows no user namespaces");
        addNetwork();
        CriClient cri = node.cri();
        cri.pull(many);
        cri.pull(lazy);
        NamespaceOption namespaces = CriClient.userNamespace(HOST, LENGTH);
        node.await("containerd has the network", () -> triesPod(namespaces));
        String pod = cri.runPod("pod-1", namespaces);
        assertTrue(ownersBelow(upperOf(OURS, pod)).contains("/dev is 100000:100000"), "the pause image's container");
        assumeTrue(!idmaps() || runcIdmaps(), "containers of this containerd's pods need runc 1.2 or newer");
        for (String image : List.of(many, lazy)) {
            String container = cri.runContainer(pod, "pod-1", image, List.of("/bin/sleep", "infinity"), namespaces);
            List<String> seen =
                    cri.exec(container, "/bin/sh", "-c", SCRIPT).lines().toList();
            assertTrue(seen.getFirst().matches("\\s*0\\s+100000\\s+65536\\s*"), seen::toString);
            assertTrue(seen.containsAll(List.of("/ 0:0 755", "/owned/user 1000:1000 644", "/tmp/new 1000:2000 644")));
            List<String> written = ownersBelow(upperOf(OURS, container));
            assertTrue(written.contains("/tmp/new is 101000:102000"), written::toString);
            cri.removeContainer(container);
        }
        cri.removePod(pod);
    }

    private void addNetwork() throws IOException {
        Path folder = Files.createDirectories(node.folder().resolve("cni"));
        for (String plugin : List.of("none", "loopback")) {
            Path file = Files.writeString(folder.resolve(plugin), NETWORK_PLUGIN);
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
        }
        Files.writeString(
                folder.resolve("none.conflist"),
                "{\"cniVersion\":\"0.4.0\",\"name\":\"test\",\"plugins\":[{\"type\":\"none\"}]}");
    }

    private boolean triesPod(NamespaceOption namespaces) {
        try {
            node.cri().removePod(node.cri().runPod("pod-0", namespaces));
            return true;
        } catch (StatusRuntimeException e) {
            if (String.valueOf(e.getMessage()).contains("cni plugin not initialized")) {
                return false;
            }
            throw e;
        }
    }

    private boolean runcIdmaps() throws IOException, InterruptedException {
        Path own = version.binaries().resolve("runc");
        return Shell.run(Files.exists(own) ? own.toString() : "runc", "features")
                .contains("\"idmap\"");
    }
}
