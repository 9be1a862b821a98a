package dev.rafter.snapshotter;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.rafter.oci.Digest;
import dev.rafter.snapshotter.SnapshotException.Code;
import dev.rafter.snapshotter.SnapshotFolders.Owner;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What containerd is told to mount for a container that has a user namespace, and who owns its writable side. */
@Timeout(60)
class UserNamespaceMountsTest {
    private static final Digest IMAGE = Digest.sha256("image".getBytes(UTF_8));
    private static final Digest LAYER = Digest.sha256("layer".getBytes(UTF_8));
    private static final String UIDS = "0:100000:1000,2000:300000:10";
    private static final String GIDS = "0:200000:1000";
    private static final List<String> IDMAPPED = List.of("uidmap=" + UIDS, "gidmap=" + GIDS);
    private static final Map<String, String> MAPPED = Map.of(Labels.UID_MAPPING, UIDS, Labels.GID_MAPPING, GIDS);

    @TempDir
    Path folder;

    private FakeLazyImages images;
    private Snapshotter snapshotter;

    @BeforeEach
    void open() throws IOException {
        images = new FakeLazyImages(folder.resolve("images"));
        images.lazyLayers.add(LAYER);
        Files.createDirectories(images.pathOf(IMAGE));
        snapshotter = Snapshotter.open(folder.resolve("root"), images, new SimpleMeterRegistry());
    }

    @AfterEach
    void close() throws IOException {
        snapshotter.close();
    }

    private String lazyImage() throws IOException {
        Map<String, String> labels = new HashMap<>();
        labels.put(Labels.REF, "sha256:chain");
        labels.put(Labels.IMAGE_REF, "example.org/app:1");
        labels.put(Labels.MANIFEST_DIGEST, IMAGE.toString());
        labels.put(Labels.LAYER_DIGEST, LAYER.toString());
        assertThrows(SnapshotException.class, () -> snapshotter.prepare("k8s.io/1/extract", "", labels));
        return snapshotter.list(List.of("kind==committed")).getFirst().name();
    }

    private String layer(String name, String parent) throws IOException {
        snapshotter.prepare(name + "-key", parent, Map.of());
        snapshotter.commit(name, name + "-key", Map.of(), "");
        return name;
    }

    private static List<String> options(List<Mount> mounts) {
        return mounts.getFirst().options();
    }

    private static String option(List<Mount> mounts, String name) {
        return options(mounts).stream()
                .filter(option -> option.startsWith(name + "="))
                .findFirst()
                .orElseThrow()
                .substring(name.length() + 1);
    }

    private static Owner upper(List<Mount> mounts) throws IOException {
        return Owner.of(Path.of(option(mounts, "upperdir")));
    }

    private static void assertInvalid(String says, org.junit.jupiter.api.function.Executable call) {
        SnapshotException e = assertThrows(SnapshotException.class, call);
        assertEquals(Code.INVALID_ARGUMENT, e.code());
        assertTrue(e.toString().contains(says), e::toString);
    }

    private static void needsRoot() {
        assumeTrue("root".equals(System.getProperty("user.name")), "needs root");
    }

    private static void give(Path path, int uid, int gid) throws IOException {
        Files.setAttribute(path, "unix:uid", uid);
        Files.setAttribute(path, "unix:gid", gid);
    }

    @Test
    void theWritableSideBelongsToWhomTheImageDoes() throws IOException {
        needsRoot();
        String top = lazyImage();
        assertEquals(new Owner(100000, 200000), upper(snapshotter.prepare("root", top, MAPPED)));
        give(images.pathOf(IMAGE), 2003, 34);
        assertEquals(new Owner(300003, 200034), upper(snapshotter.prepare("other", top, MAPPED)));
        assertEquals(new Owner(2003, 34), upper(snapshotter.prepare("none", top, Map.of())));
    }

    /** Such an owner is nobody in the namespace, and nobody could write to the topmost folder. */
    @Test
    void itIsRootsWhereTheImagesOwnerIsNotMapped() throws IOException {
        needsRoot();
        String top = lazyImage();
        give(images.pathOf(IMAGE), 70000, 34);
        assertEquals(new Owner(100000, 200034), upper(snapshotter.prepare("c", top, MAPPED)));
    }

    @Test
    void aSnapshotOnNothingBelongsToTheNamespacesRoot() throws IOException {
        needsRoot();
        List<Mount> mounts = snapshotter.prepare("c", "", MAPPED);
        assertEquals(List.of("rw", "rbind"), options(mounts));
        assertEquals(
                new Owner(100000, 200000), Owner.of(Path.of(mounts.getFirst().source())));
    }

    @Test
    void theFoldersOfLayersAreToBeIdmapped() throws IOException {
        needsRoot();
        String one = layer("one", "");
        String two = layer("two", one);
        List<Mount> onOne = snapshotter.prepare("c1", one, MAPPED);
        assertTrue(options(onOne).containsAll(IDMAPPED), onOne::toString);
        assertTrue(option(onOne, "lowerdir").endsWith("/fs/."), onOne::toString);
        List<Mount> onTwo = snapshotter.prepare("c2", two, MAPPED);
        assertTrue(options(onTwo).containsAll(IDMAPPED), onTwo::toString);
        assertTrue(option(onTwo, "lowerdir").matches("\\S+/fs:\\S+/fs"), onTwo::toString);
        assertEquals(onTwo, snapshotter.mounts("c2"));
        assertTrue(options(snapshotter.view("v2", two, MAPPED)).containsAll(IDMAPPED));
        List<Mount> view = snapshotter.view("v1", one, MAPPED);
        assertEquals("bind", view.getFirst().type());
        assertTrue(options(view).containsAll(IDMAPPED), view::toString);
        assertTrue(options(view).containsAll(List.of("ro", "rbind")), view::toString);
    }

    /**
     * containerd 2.1 and newer idmap what the lower folders have in common, without the image's mount below that. They refuse to if that is
     * the root, which is better than an image without its files.
     */
    @Test
    void layersOnALazyImageHaveNothingInCommonWithIt() throws IOException {
        needsRoot();
        String top = layer("on top", lazyImage());
        List<Mount> mounts = snapshotter.prepare("c", top, MAPPED);
        assertTrue(option(mounts, "lowerdir").endsWith(":/" + images.pathOf(IMAGE)), mounts::toString);
        assertTrue(options(mounts).containsAll(IDMAPPED), mounts::toString);
    }

    /** As containerd 1.6 and 1.7 do: they make a layer whose files have other owners, and put the container on top of that. */
    @Test
    void whatContainerdHasGivenOtherOwnersIsNotMappedOnceMore() throws IOException {
        needsRoot();
        for (String remapped : List.of("sha256:" + "c".repeat(64), "sha256:" + "c".repeat(64) + "-100000-200000")) {
            String image = layer("image of " + remapped, "");
            List<Mount> mounts = snapshotter.prepare("default/4/" + remapped + "-remap", image, Map.of());
            give(Path.of(option(mounts, "upperdir")), 100000, 200000);
            snapshotter.commit("default/5/" + remapped, "default/4/" + remapped + "-remap", Map.of(), "");
            snapshotter.update("default/5/" + remapped, Map.of("a.client/label", "1"), List.of());
            List<Mount> container = snapshotter.prepare("container on " + remapped, "default/5/" + remapped, MAPPED);
            assertEquals(new Owner(100000, 200000), upper(container));
            assertTrue(options(container).stream().noneMatch(option -> option.contains("idmap")), container::toString);
            assertEquals(container, snapshotter.mounts("container on " + remapped));
        }
    }

    @Test
    void whatCannotBeMappedIsRefused() throws IOException {
        String one = layer("one", "");
        assertInvalid(
                "0:1",
                () -> snapshotter.prepare("c", one, Map.of(Labels.UID_MAPPING, "0:1", Labels.GID_MAPPING, "0:1")));
        assertInvalid("gidmapping", () -> snapshotter.prepare("c", one, Map.of(Labels.UID_MAPPING, UIDS)));
        assertInvalid("uidmapping", () -> snapshotter.prepare("c", "", Map.of(Labels.GID_MAPPING, GIDS)));
        assertInvalid(
                "id 0",
                () -> snapshotter.view("c", one, Map.of(Labels.UID_MAPPING, "1:100000:5", Labels.GID_MAPPING, GIDS)));
        assertEquals(1, snapshotter.list(List.of()).size());
    }
}
