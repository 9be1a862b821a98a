package dev.rafter.deploy.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.rafter.deploy.harness.DockerRegistry;
import dev.rafter.deploy.harness.Rafter;
import dev.rafter.deploy.harness.Runc;
import dev.rafter.deploy.harness.Shell;
import dev.rafter.deploy.harness.Umoci;
import dev.rafter.registry.embedded.Link;
import dev.rafter.registry.embedded.LinkSpeed;
import java.io.File;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A Debian image of several layers, with whiteouts, hard links, xattrs, device nodes, 10,000 small files and one of 1 GB: what is read
 * through the lazy mount is what umoci unpacks, path by path and byte by byte.
 */
@Timeout(600)
final class DebianImageTest {
    private static final Path HOME = Path.of(System.getProperty("rafter.home"));
    private static final Path WORK = HOME.resolve("deploy/target/e2e");
    private static final int READERS = 64;

    private static DockerRegistry registry;
    private static List<String> expected;

    private Link link;
    private Path node;
    private Rafter rafter;
    private Path mount;

    @BeforeAll
    static void buildAndConvert() throws Exception {
        assumeTrue(
                Shell.has("buildah", "debootstrap", "docker-registry", "skopeo", "umoci", "runc"),
                "needs buildah, debootstrap, docker-registry, skopeo, umoci and runc: ./rafter test installs them");
        registry = DockerRegistry.start(WORK.resolve("registry"));
        ProcessBuilder image =
                new ProcessBuilder("bash", HOME.resolve("deploy/images/e2e.sh").toString());
        image.environment().put("BENCH_DIR", WORK.toString());
        image.environment().put("REG", registry.host());
        Shell.tryRun(Duration.ofMinutes(10), image).orThrow();
        Path unpacked = WORK.resolve("unpacked");
        Shell.deleteTree(unpacked);
        expected = tree(Umoci.unpack(registry.host() + "/e2e/debian:1", unpacked));
        Shell.deleteTree(unpacked);
        Rafter.in(WORK.resolve("convert")).command("convert", source(), converted(registry.host()));
    }

    @AfterAll
    static void stopRegistry() throws IOException {
        if (registry != null) {
            registry.close();
        }
        Shell.deleteTree(WORK.resolve("convert"));
    }

    @BeforeEach
    void newNode() throws IOException {
        link = Link.open(LinkSpeed.unshaped(), registry.address());
        node = Files.createTempDirectory(Files.createDirectories(WORK), "node");
        rafter = Rafter.in(node);
        mount = node.resolve("mount");
    }

    @AfterEach
    void removeNode() throws IOException {
        rafter.close();
        link.close();
        Shell.deleteTree(node);
    }

    @Test
    void checkFindsEveryChunkOfTheConvertedImageRight() throws Exception {
        rafter.command("check", converted(registry.host()));
    }

    @Test
    void checkAgainstTheOriginalFindsTheTreeEqual() throws Exception {
        rafter.command("check", converted(registry.host()), "--against", source());
    }

    @Test
    void checkAgainstAnotherImageNamesWhatDiffers() throws Exception {
        Path layout = node.resolve("layout");
        Path added = Files.writeString(node.resolve("file"), "added");
        Shell.run(
                "skopeo", "copy", "--quiet", "--src-tls-verify=false", "docker://" + source(), "oci:" + layout + ":1");
        Shell.run("umoci", "insert", "--image", layout + ":1", added.toString(), "/odd/links/a");
        Shell.Result result = Shell.tryRun(
                Duration.ofMinutes(8),
                rafter.process("check", converted(registry.host()), "--against", "oci:" + layout + ":1"));
        assertEquals(3, result.status(), result.output());
        assertTrue(result.output().contains("/odd/links/a: size is 4, in the original 5\n"), result.output());
        assertTrue(result.output().contains(": 0 problems, "), result.output());
    }

    @Test
    void exportedAndUnpackedByTarTheTreeIsWhatUmociUnpacks() throws Exception {
        Path unpacked = Files.createDirectories(node.resolve("unpacked"));
        File log = node.resolve("export.log").toFile();
        List<Process> pipeline = ProcessBuilder.startPipeline(List.of(
                rafter.process("export", converted(registry.host())).redirectError(log),
                new ProcessBuilder(
                                "tar",
                                "-xp",
                                "--numeric-owner",
                                "--xattrs",
                                "--xattrs-include=*",
                                "-C",
                                unpacked.toString())
                        .redirectError(Redirect.DISCARD)));
        try {
            for (Process process : pipeline) {
                assertEquals(0, process.waitFor(), () -> log + " says why");
            }
        } finally {
            pipeline.forEach(Shell::kill);
        }
        assertEquals("", Files.readString(log.toPath()));
        assertEqualTrees(expected, tree(unpacked));
    }

    @Test
    void readThroughTheMountTheTreeIsWhatUmociUnpacks() throws Exception {
        rafter.command("mount", converted(link.host()), mount.toString());
        assertEqualTrees(expected, tree(mount));
        long fetched = link.counts().blobBytes();
        rafter.command("umount", mount.toString());
        rafter.command("stop");

        rafter.command("mount", converted(link.host()), mount.toString());
        Shell.run("sync");
        Files.writeString(Path.of("/proc/sys/vm/drop_caches"), "3");
        assertEqualTrees(expected, tree(mount));
        assertEquals(fetched, link.counts().blobBytes(), "bytes of blobs fetched by the mount after a clean stop");
    }

    @Test
    void mappedIntoMemoryTheTreeIsTheSame() throws Exception {
        rafter.command("mount", converted(link.host()), mount.toString());
        assertEqualTrees(expected, tree(mount, "--mmap"));
    }

    @Test
    void manyReadersAtOnceReadTheSameAndFetchEachByteOnce() throws Exception {
        rafter.command("mount", converted(link.host()), mount.toString());
        String file = mount.resolve("odd/big").toString();
        List<Callable<String>> readers = new ArrayList<>();
        for (int i = 0; i < READERS; i++) {
            long megabyte = 16L * i;
            readers.add(() -> Shell.run("dd", "if=" + file, "bs=1M", "skip=" + megabyte, "count=48", "of=/dev/null"));
        }
        try (ExecutorService threads = Executors.newFixedThreadPool(READERS)) {
            for (Future<String> reader : threads.invokeAll(readers)) {
                reader.get();
            }
        }
        String digest = Shell.run("sha256sum", file).split(" ", 2)[0];
        assertTrue(
                expected.stream().anyMatch(line -> line.startsWith("/odd/big ") && line.endsWith(" " + digest)),
                "the large file's digest is " + digest);
        assertTrue(
                link.counts().blobBytes() < 1_100_000_000L,
                () -> link.counts().blobBytes() + " bytes fetched for one file of 1 GiB");
    }

    @Test
    void aContainerRunsOnOverlayfsOverTheMount() throws Exception {
        rafter.command("mount", converted(link.host()), mount.toString());
        Path rootfs = Files.createDirectories(node.resolve("rootfs"));
        String layers = "lowerdir=" + mount + ",upperdir=" + Files.createDirectories(node.resolve("upper"))
                + ",workdir=" + Files.createDirectories(node.resolve("work"));
        Shell.run("mount", "-t", "overlay", "overlay", "-o", layers, rootfs.toString());
        try {
            List<String> program = List.of("python3", "-c", "print('ran'); open('/written', 'w').write('x')");
            Runc.writeBundle(node.resolve("bundle"), rootfs, program, List.of("PATH=/usr/bin:/bin"));
            String id = "rafter-e2e-" + ProcessHandle.current().pid();
            assertEquals(
                    "ran",
                    Shell.run("runc", "run", "--bundle", node.resolve("bundle").toString(), id)
                            .strip());
            assertEquals("x", Files.readString(node.resolve("upper/written")));
        } finally {
            Shell.run("umount", rootfs.toString());
        }
        assertTrue(
                link.counts().blobBytes() < 40_000_000,
                () -> link.counts().blobBytes() + " bytes fetched to start a small program");
    }

    private static String source() {
        return registry.host() + "/e2e/debian:1";
    }

    private static String converted(String host) {
        return host + "/e2e/debian:1-rafs";
    }

    private static List<String> tree(Path root, String... options) throws Exception {
        List<String> command = new ArrayList<>(List.of(
                "python3", HOME.resolve("deploy/src/test/resources/tree.py").toString(), root.toString()));
        command.addAll(List.of(options));
        return Arrays.asList(Shell.run(command.toArray(String[]::new)).split("\n", -1));
    }

    private static void assertEqualTrees(List<String> expected, List<String> actual) {
        List<String> missing = new ArrayList<>(expected);
        missing.removeAll(new HashSet<>(actual));
        List<String> extra = new ArrayList<>(actual);
        extra.removeAll(new HashSet<>(expected));
        assertEquals(
                List.of(), missing.stream().limit(20).toList(), () -> "lines that differ; instead there are " + extra);
    }
}
