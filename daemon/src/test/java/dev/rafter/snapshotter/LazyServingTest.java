package dev.rafter.snapshotter;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.oci.Digest;
import dev.rafter.registry.RegistryException;
import dev.rafter.snapshotter.SnapshotException.Code;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** What containerd is told of images that can be served lazily, and of those that cannot. */
@Timeout(60)
class LazyServingTest {
    private static final Digest IMAGE = Digest.sha256("image".getBytes(UTF_8));
    private static final Digest OTHER = Digest.sha256("other image".getBytes(UTF_8));
    private static final Digest DATA = Digest.sha256("data layer".getBytes(UTF_8));
    private static final Digest BOOTSTRAP = Digest.sha256("bootstrap layer".getBytes(UTF_8));
    private static final Digest TAR = Digest.sha256("tar layer".getBytes(UTF_8));

    @TempDir
    Path folder;

    private FakeLazyImages images;
    private SimpleMeterRegistry meters;
    private Snapshotter snapshotter;

    @BeforeEach
    void open() throws IOException {
        meters = new SimpleMeterRegistry();
        images = new FakeLazyImages(folder.resolve("images"));
        images.lazyLayers.addAll(Set.of(DATA, BOOTSTRAP));
        snapshotter = Snapshotter.open(folder.resolve("root"), images, meters);
    }

    @AfterEach
    void close() throws IOException {
        snapshotter.close();
    }

    private void reopen() throws IOException {
        snapshotter.close();
        snapshotter = Snapshotter.open(folder.resolve("root"), images, meters);
    }

    private static Map<String, String> labels(String ref, Digest manifest, Digest layer) {
        Map<String, String> labels = new HashMap<>(Map.of(
                Labels.REF,
                ref,
                Labels.IMAGE_REF,
                "example.org/app:1",
                Labels.MANIFEST_DIGEST,
                manifest.toString(),
                Labels.LAYER_DIGEST,
                layer.toString()));
        if (layer.equals(DATA)) {
            labels.put(Labels.NYDUS_BLOB, "true");
        } else if (layer.equals(BOOTSTRAP)) {
            labels.put(Labels.NYDUS_BOOTSTRAP, "true");
        }
        return labels;
    }

    private static SnapshotException assertFails(Code code, Executable call) {
        SnapshotException e = assertThrows(SnapshotException.class, call);
        assertEquals(code, e.code(), e::toString);
        return e;
    }

    /** Prepares as containerd's metadata store does: the layer is there already, and found by label and parent. Gives its name. */
    private String pullLazily(String key, String parent, Map<String, String> labels) throws IOException {
        assertFails(Code.ALREADY_EXISTS, () -> snapshotter.prepare(key, parent, labels));
        List<SnapshotInfo> found = snapshotter.list(
                List.of("labels.\"" + Labels.REF + "\"==" + labels.get(Labels.REF) + ",parent==\"" + parent + "\""));
        assertEquals(1, found.size());
        SnapshotInfo info = found.getFirst();
        assertEquals(Kind.COMMITTED, info.kind());
        assertEquals(labels.get(Labels.REF), info.labels().get(Labels.REF));
        assertEquals(parent, info.parent());
        assertEquals("lazily", info.labels().get(Labels.SERVED));
        return info.name();
    }

    private String pullImage(Digest manifest) throws IOException {
        String base = pullLazily("k8s.io/1/extract-1", "", labels("sha256:chain1", manifest, DATA));
        return pullLazily("k8s.io/2/extract-2", base, labels("sha256:chain2", manifest, BOOTSTRAP));
    }

    private static String lowerdir(List<Mount> mounts) {
        assertEquals("overlay", mounts.getFirst().type());
        return mounts.getFirst().options().stream()
                .filter(option -> option.startsWith("lowerdir="))
                .findFirst()
                .orElseThrow()
                .substring("lowerdir=".length());
    }

    private double counted(String served, String why) {
        Counter counter = meters.find("rafter.snapshotter.images")
                .tags("served", served, "why", why)
                .counter();
        return counter == null ? 0 : counter.count();
    }

    @Test
    void aContainerGetsTheImagesMountAsItsOneLowerFolder() throws IOException {
        String top = pullImage(IMAGE);
        List<Mount> mounts = snapshotter.prepare("container", top, Map.of());
        assertEquals(images.pathOf(IMAGE).toString(), lowerdir(mounts));
        assertEquals(mounts, snapshotter.mounts("container"));
        assertEquals(
                List.of(new Mount("bind", images.pathOf(IMAGE).toString(), List.of("ro", "rbind"))),
                snapshotter.view("view", top, Map.of()));
        assertEquals(Usage.NONE, snapshotter.usage(top));
        assertEquals(
                1,
                images.calls.stream().filter("decide example.org/app:1"::equals).count());
        assertEquals(1, counted("lazily", ""));
    }

    @Test
    void theWritableSideBelongsToWhomTheImageDoes() throws IOException {
        org.junit.jupiter.api.Assumptions.assumeTrue("root".equals(System.getProperty("user.name")), "needs root");
        String top = pullImage(IMAGE);
        Files.createDirectories(images.pathOf(IMAGE));
        Files.setAttribute(images.pathOf(IMAGE), "unix:uid", 12);
        Files.setAttribute(images.pathOf(IMAGE), "unix:gid", 34);
        assertEquals(new SnapshotFolders.Owner(12, 34), ownerOfUpper(snapshotter.prepare("c", top, Map.of())));
        Map<String, String> mapped = Map.of(Labels.UID_MAPPING, "0:100000:65536", Labels.GID_MAPPING, "0:200000:65536");
        List<Mount> mounts = snapshotter.prepare("userns", top, mapped);
        assertEquals(new SnapshotFolders.Owner(100012, 200034), ownerOfUpper(mounts));
        assertTrue(mounts.getFirst().options().containsAll(List.of("uidmap=0:100000:65536", "gidmap=0:200000:65536")));
        assertEquals(images.pathOf(IMAGE) + "/.", lowerdir(mounts));
        assertFails(Code.INVALID_ARGUMENT, () -> snapshotter.prepare("bad", top, Map.of(Labels.UID_MAPPING, "0:1")));
        assertFails(
                Code.INVALID_ARGUMENT, () -> snapshotter.prepare("bad", top, Map.of(Labels.UID_MAPPING, "0:100000:5")));
    }

    private static SnapshotFolders.Owner ownerOfUpper(List<Mount> mounts) throws IOException {
        return SnapshotFolders.Owner.of(Path.of(mounts.getFirst().options().stream()
                .filter(option -> option.startsWith("upperdir="))
                .findFirst()
                .orElseThrow()
                .substring("upperdir=".length())));
    }

    @Test
    void anotherNamespaceAdoptsTheSameSnapshots() throws IOException {
        String top = pullImage(IMAGE);
        assertEquals(top, pullImage(IMAGE));
        assertEquals(2, snapshotter.list(List.of()).size());
    }

    @Test
    void imagesThatShareABaseEachHaveTheirOwnMount() throws IOException {
        String base = pullLazily("1", "", labels("sha256:base", IMAGE, DATA));
        String one = pullLazily("2", base, labels("sha256:one", IMAGE, BOOTSTRAP));
        String two = pullLazily("3", base, labels("sha256:two", OTHER, BOOTSTRAP));
        assertEquals(images.pathOf(IMAGE).toString(), lowerdir(snapshotter.prepare("c1", one, Map.of())));
        assertEquals(images.pathOf(OTHER).toString(), lowerdir(snapshotter.prepare("c2", two, Map.of())));
    }

    private Set<Digest> heldAfterRelease() {
        snapshotter.releaseImages();
        return images.held;
    }

    @Test
    void whenItsLastSnapshotGoesTheImageIsReleased() throws IOException {
        String top = pullImage(IMAGE);
        snapshotter.prepare("container", top, Map.of());
        assertFails(Code.FAILED_PRECONDITION, () -> snapshotter.remove(top));
        snapshotter.remove("container");
        snapshotter.remove(top);
        assertEquals(Set.of(IMAGE), heldAfterRelease());
        snapshotter.remove("sha256:chain1");
        assertEquals(Set.of(), heldAfterRelease());
    }

    /** What it shares with another image is that one's. */
    @Test
    void anImageIsReleasedThoughItsBaseLayersStayForAnother() throws IOException {
        String base = pullLazily("1", "", labels("sha256:base", IMAGE, DATA));
        String one = pullLazily("2", base, labels("sha256:one", IMAGE, BOOTSTRAP));
        assertEquals(base, pullLazily("3", "", labels("sha256:base", OTHER, DATA)));
        String two = pullLazily("4", base, labels("sha256:two", OTHER, BOOTSTRAP));
        assertEquals(Set.of(IMAGE, OTHER), heldAfterRelease());
        snapshotter.remove(one);
        assertEquals(Set.of(OTHER), heldAfterRelease());
        reopen();
        assertEquals(Set.of(OTHER), heldAfterRelease());
        assertEquals(images.pathOf(OTHER).toString(), lowerdir(snapshotter.prepare("c", two, Map.of())));
        snapshotter.remove("c");
        snapshotter.remove(two);
        snapshotter.remove(base);
        assertEquals(Set.of(), heldAfterRelease());
    }

    /** Though all that it has prepared so far is another image's. */
    @Test
    void anImageIsNotReleasedWhileItIsPulled() throws IOException {
        String base = pullLazily("1", "", labels("sha256:base", IMAGE, DATA));
        pullLazily("2", base, labels("sha256:one", IMAGE, BOOTSTRAP));
        pullLazily("3", "", labels("sha256:base", OTHER, DATA));
        assertEquals(Set.of(IMAGE, OTHER), heldAfterRelease());
    }

    @Test
    void anImageThatIsPulledAgainIsHeldAgain() throws IOException {
        String top = pullImage(IMAGE);
        snapshotter.remove(top);
        snapshotter.remove("sha256:chain1");
        assertEquals(Set.of(), heldAfterRelease());
        pullImage(IMAGE);
        assertEquals(Set.of(IMAGE), heldAfterRelease());
    }

    @Test
    void anotherPullOfAPlainImageDecidesAnew() throws IOException {
        images.lazyLayers.clear();
        Map<String, String> tar = labels("sha256:1", IMAGE, TAR);
        snapshotter.prepare("extract", "", tar);
        snapshotter.commit("sha256:1", "extract", tar, "");
        snapshotter.remove("sha256:1");
        images.calls.clear();
        snapshotter.prepare("extract", "", tar);
        assertEquals(List.of("decide example.org/app:1"), images.calls);
    }

    @Test
    void aPlainImageIsDecidedOnceAndSaysWhy() throws IOException {
        Map<String, String> first = labels("sha256:1", IMAGE, TAR);
        List<Mount> mounts = snapshotter.prepare("extract-1", "", first);
        assertEquals("bind", mounts.getFirst().type());
        snapshotter.commit("sha256:1", "extract-1", first, "");
        Map<String, String> second = labels("sha256:2", IMAGE, Digest.sha256(new byte[1]));
        lowerdir(snapshotter.prepare("extract-2", "sha256:1", second));
        snapshotter.commit("sha256:2", "extract-2", second, "");
        assertEquals(List.of("decide example.org/app:1"), images.calls);
        assertEquals(
                "pulled: is no RAFS image",
                snapshotter.stat("sha256:2").labels().get(Labels.SERVED));
        assertEquals(1, counted("pulled", "format"));
    }

    @Test
    void theDecisionHoldsThroughARestart() throws IOException {
        Map<String, String> first = labels("sha256:1", IMAGE, TAR);
        snapshotter.prepare("extract-1", "", first);
        snapshotter.commit("sha256:1", "extract-1", first, "");
        reopen();
        images.calls.clear();
        images.lazyLayers.add(TAR);
        snapshotter.prepare("extract-2", "sha256:1", labels("sha256:2", IMAGE, TAR));
        assertEquals(List.of(), images.calls);
    }

    @Test
    void aPlainLayerOnTopOfALazyImageIsAppliedOverItsMount() throws IOException {
        String top = pullImage(IMAGE);
        Map<String, String> tar = labels("sha256:chain3", IMAGE, TAR);
        assertEquals(images.pathOf(IMAGE).toString(), lowerdir(snapshotter.prepare("extract-3", top, tar)));
        snapshotter.commit("sha256:chain3", "extract-3", tar, "");
        List<String> lowers = List.of(lowerdir(snapshotter.prepare("container", "sha256:chain3", Map.of()))
                .split(":", -1));
        assertEquals(2, lowers.size());
        assertEquals(images.pathOf(IMAGE).toString(), lowers.getLast());
    }

    @Test
    void lazyLayersOverPulledOnesNeedOnlyTheImage() throws IOException {
        snapshotter.prepare("extract", "", Map.of());
        snapshotter.commit("base", "extract", Map.of(), "");
        String top = pullLazily("x", "base", labels("sha256:top", IMAGE, BOOTSTRAP));
        assertEquals(images.pathOf(IMAGE).toString(), lowerdir(snapshotter.prepare("c", top, Map.of())));
    }

    @Test
    void withoutImageLabelsRafsIsRefusedWithTheReason() throws IOException {
        SnapshotException e = assertFails(
                Code.FAILED_PRECONDITION,
                () -> snapshotter.prepare("x", "", Map.of(Labels.REF, "sha256:1", Labels.NYDUS_BLOB, "true")));
        assertTrue(e.toString().contains("disable_snapshot_annotations = false"), e::toString);
        snapshotter.prepare("y", "", Map.of(Labels.REF, "sha256:1"));
        assertTrue(snapshotter
                .stat("y")
                .labels()
                .getOrDefault(Labels.SERVED, "")
                .startsWith("pulled: containerd did not say"));
        assertEquals(1, counted("pulled", "no_labels"));
    }

    @Test
    void whatCannotBeDecidedFailsRafsAndSendsOthersToANormalPull() throws IOException {
        images.failure = new RegistryException(
                RegistryException.Reason.UNREACHABLE,
                "example.org cannot be reached",
                0,
                "",
                "https://example.org",
                true,
                null);
        IOException e =
                assertThrows(IOException.class, () -> snapshotter.prepare("x", "", labels("sha256:1", IMAGE, DATA)));
        assertEquals("example.org cannot be reached", e.getMessage());
        snapshotter.prepare("y", "", labels("sha256:1", OTHER, TAR));
        assertTrue(snapshotter
                .stat("y")
                .labels()
                .getOrDefault(Labels.SERVED, "")
                .contains("example.org cannot be reached"));
        images.failure = null;
        pullImage(IMAGE);
        assertEquals(1, counted("failed", "error"));
        assertEquals(1, counted("pulled", "error"));
    }

    @Test
    void afterARestartMountsAreMadeAgainOnDemandAndOthersLetGo() throws IOException {
        String top = pullImage(IMAGE);
        List<Mount> mounts = snapshotter.prepare("container", top, Map.of());
        images.calls.clear();
        reopen();
        images.held.add(OTHER);
        assertEquals(Set.of(IMAGE), heldAfterRelease());
        assertEquals(List.of(), images.calls);
        assertEquals(mounts, snapshotter.mounts("container"));
        assertEquals(List.of("mount example.org/app:1"), images.calls);
    }

    @Test
    void aMountThatFailsFailsTheContainerWithTheCause() throws IOException {
        String top = pullImage(IMAGE);
        images.failure = new IOException("the bootstrap is corrupt");
        assertEquals(
                "the bootstrap is corrupt",
                assertThrows(IOException.class, () -> snapshotter.prepare("c", top, Map.of()))
                        .getMessage());
        images.failure = null;
        snapshotter.prepare("c", top, Map.of());
    }

    @Test
    void aLazyLayerOnAParentThatWeLostStandsOnAStandIn() throws IOException {
        String lost = "k8s.io/7/sha256:chain1";
        assertFails(Code.NOT_FOUND, () -> snapshotter.prepare("container", lost, Map.of()));
        String layer = "k8s.io/8/" + IMAGE;
        assertTrue(assertFails(Code.FAILED_PRECONDITION, () -> snapshotter.prepare("container", layer, Map.of()))
                .toString()
                .contains("pull it again"));
        String top = pullLazily("k8s.io/8/extract", lost, labels("sha256:chain2", IMAGE, BOOTSTRAP));
        assertEquals(lost, snapshotter.stat(lost).name());
        assertEquals(images.pathOf(IMAGE).toString(), lowerdir(snapshotter.prepare("container", top, Map.of())));
        SnapshotException e =
                assertFails(Code.FAILED_PRECONDITION, () -> snapshotter.prepare("container-2", lost, Map.of()));
        assertTrue(e.toString().contains("pull it again"), e::toString);
        snapshotter.remove("container");
        snapshotter.remove(top);
        snapshotter.remove(lost);
    }

    @Test
    void layersWhoseFilesAreGoneAreNamed() throws IOException {
        snapshotter.prepare("extract", "", Map.of());
        snapshotter.commit("base", "extract", Map.of(), "");
        snapshotter.prepare("container", "base", Map.of());
        snapshotter.close();
        for (String id : List.of("1", "2")) {
            try (var files = Files.walk(folder.resolve("root/snapshots/" + id))) {
                for (Path file :
                        files.sorted(java.util.Comparator.reverseOrder()).toList()) {
                    Files.delete(file);
                }
            }
        }
        reopen();
        SnapshotException e = assertFails(Code.FAILED_PRECONDITION, () -> snapshotter.mounts("container"));
        assertTrue(e.toString().contains("base"), e::toString);
        snapshotter.remove("container");
        snapshotter.remove("base");
    }

    @Test
    void aLazyLayerTakesWhatThisNodeHasOfIt() throws IOException {
        String top = pullImage(IMAGE);
        assertEquals(Usage.NONE, snapshotter.usage(top));
        Path data = Files.createDirectories(images.folder().resolve("data").resolve(BOOTSTRAP.hex()));
        Files.write(data.resolve("bootstrap"), new byte[10_000]);
        long before = snapshotter.usage(top).sizeBytes();
        assertTrue(before >= 10_000 && before < 30_000, () -> before + " bytes");
        Files.write(data.resolve("more"), new byte[100_000]);
        assertTrue(snapshotter.usage(top).sizeBytes() >= before + 100_000);
        assertEquals(3, snapshotter.usage(top).inodes());
    }

    @Test
    void manyPullsOfOneImageDecideOnce() throws Exception {
        try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
            List<Callable<String>> pulls = new ArrayList<>();
            for (int i = 0; i < 16; i++) {
                String key = "extract-" + i;
                pulls.add(() -> pullLazily(key, "", labels("sha256:chain1", IMAGE, DATA)));
            }
            for (Future<String> pull : threads.invokeAll(pulls)) {
                assertEquals("sha256:chain1", pull.get());
            }
        }
        assertEquals(1, images.calls.size());
        assertEquals(1, snapshotter.list(List.of()).size());
    }

    @Test
    void foldersArePrivate() throws IOException {
        snapshotter.prepare("a", "", Map.of());
        Path snapshots = folder.resolve("root/snapshots");
        assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(snapshots)));
        assertEquals(
                "rwxr-xr-x", PosixFilePermissions.toString(Files.getPosixFilePermissions(snapshots.resolve("1/fs"))));
        assertEquals(
                "rwx--x--x", PosixFilePermissions.toString(Files.getPosixFilePermissions(snapshots.resolve("1/work"))));
    }
}
