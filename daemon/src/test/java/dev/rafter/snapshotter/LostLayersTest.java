package dev.rafter.snapshotter;

import static dev.rafter.snapshotter.FakeContainerd.blob;
import static dev.rafter.snapshotter.FakeContainerd.diffId;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.oci.Digest;
import dev.rafter.snapshotter.SnapshotException.Code;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Our folder is deleted under a containerd that believes in what was in it. */
@Timeout(60)
class LostLayersTest {
    private static final String NAMESPACE = "k8s.io";
    private static final String KEY = NAMESPACE + "/99/container";
    private static final Digest IMAGE = Digest.sha256("image".getBytes(UTF_8));
    private static final Digest DATA = Digest.sha256("data layer".getBytes(UTF_8));
    private static final Digest BOOTSTRAP = Digest.sha256("bootstrap layer".getBytes(UTF_8));

    @TempDir
    Path folder;

    private int life;
    private FakeLazyImages images;
    private Snapshotter snapshotter;
    private FakeContainerd containerd;
    private LostLayers lostLayers;

    @BeforeEach
    void open() throws IOException {
        images = new FakeLazyImages(folder.resolve("images"));
        images.lazyLayers.addAll(Set.of(DATA, BOOTSTRAP));
        snapshotter = Snapshotter.open(folder.resolve("root" + life), images, new SimpleMeterRegistry());
        containerd = new FakeContainerd(snapshotter);
        lostLayers = new LostLayers(snapshotter, (namespace, _) -> {
            assertEquals(NAMESPACE, namespace);
            return containerd;
        });
    }

    @AfterEach
    void close() throws IOException {
        snapshotter.close();
    }

    private void loseAll() throws IOException {
        snapshotter.close();
        FakeContainerd before = containerd;
        life++;
        open();
        containerd = before.with(snapshotter);
    }

    private static String chain(String... texts) {
        String chain = "";
        for (String text : texts) {
            chain = (chain.isEmpty() ? diffId(text) : Digest.sha256((chain + " " + diffId(text)).getBytes(UTF_8)))
                    .toString();
        }
        return chain;
    }

    private static Map<String, String> labels(String ref, Digest layer) {
        Map<String, String> labels = new HashMap<>(Map.of(
                Labels.REF,
                ref,
                Labels.IMAGE_REF,
                "example.org/app:1",
                Labels.MANIFEST_DIGEST,
                IMAGE.toString(),
                Labels.LAYER_DIGEST,
                layer.toString()));
        if (layer.equals(BOOTSTRAP)) {
            labels.put(Labels.NYDUS_BOOTSTRAP, "true");
        } else if (layer.equals(DATA)) {
            labels.put(Labels.NYDUS_BLOB, "true");
        }
        return labels;
    }

    /** As containerd does; gives the topmost layer's name. */
    private String pullPlain(int number, String... texts) throws IOException {
        String parentHere = "";
        for (int i = 0; i < texts.length; i++) {
            String[] upTo = java.util.Arrays.copyOf(texts, i + 1);
            String chain = chain(upTo);
            String name = NAMESPACE + "/" + (number + i) + "/" + chain;
            Map<String, String> labels = labels(chain, blob(texts[i]));
            List<Mount> mounts = snapshotter.prepare("extract " + name, parentHere, labels);
            containerd.blobs.put(blob(texts[i]), texts[i]);
            containerd.apply(blob(texts[i]), mounts);
            snapshotter.commit(name, "extract " + name, labels, "");
            containerd.remember(chain, name, i == 0 ? "" : chain(java.util.Arrays.copyOf(texts, i)), labels);
            parentHere = name;
        }
        return parentHere;
    }

    private String pullLazily() {
        String base = chain("data");
        String top = chain("data", "bootstrap");
        assertThrows(SnapshotException.class, () -> snapshotter.prepare("extract-1", "", labels(base, DATA)));
        containerd.remember(base, base, "", labels(base, DATA));
        assertThrows(SnapshotException.class, () -> snapshotter.prepare("extract-2", base, labels(top, BOOTSTRAP)));
        containerd.remember(top, top, base, labels(top, BOOTSTRAP));
        return top;
    }

    private List<Mount> prepare(String key, String parent) throws IOException {
        return lostLayers.mending(KEY, "rafter", () -> snapshotter.prepare(key, parent, Map.of()));
    }

    private static List<String> filesBelow(List<Mount> mounts) throws IOException {
        String lowers = mounts.getFirst().options().stream()
                .filter(option -> option.startsWith("lowerdir="))
                .findFirst()
                .orElseThrow()
                .substring("lowerdir=".length());
        List<String> files = new ArrayList<>();
        for (String lower : lowers.split(":", -1)) {
            try (Stream<Path> all = Files.list(Path.of(lower))) {
                all.map(path -> path.getFileName().toString()).forEach(files::add);
            }
        }
        return files;
    }

    @Test
    void plainLayersAreUnpackedOnceMore() throws IOException {
        String top = pullPlain(1, "one", "two", "three");
        loseAll();
        assertEquals(List.of("three", "two", "one"), filesBelow(prepare("container", top)));
        SnapshotInfo made = snapshotter.stat(top);
        assertEquals(NAMESPACE + "/2/" + chain("one", "two"), made.parent());
        assertEquals(chain("one", "two", "three"), made.labels().get(Labels.REF));
        assertTrue(snapshotter.usage(top).sizeBytes() > 0, "its usage is counted");
        assertEquals(List.of("three", "two", "one"), filesBelow(prepare("another", top)));
    }

    @Test
    void layersThatWereMadeAgainAreShared() throws IOException {
        String first = pullPlain(1, "base", "one");
        containerd.blobs.clear();
        String second = NAMESPACE + "/9/" + chain("base", "two");
        Map<String, String> labels = labels(chain("base", "two"), blob("two"));
        containerd.remember(chain("base", "two"), second, chain("base"), labels);
        containerd.blobs.putAll(Map.of(blob("base"), "base", blob("one"), "one", blob("two"), "two"));
        loseAll();
        prepare("container-1", first);
        containerd.blobs.remove(blob("base"));
        assertEquals(List.of("two", "base"), filesBelow(prepare("container-2", second)));
    }

    @Test
    void lazyLayersAreDecidedAgain() throws IOException {
        String top = pullLazily();
        loseAll();
        List<Mount> mounts = prepare("container", top);
        assertTrue(mounts.toString().contains(images.pathOf(IMAGE).toString()), mounts::toString);
        SnapshotInfo made = snapshotter.stat(top);
        assertEquals("lazily", made.labels().get(Labels.SERVED));
        assertEquals(chain("data"), made.parent());
        snapshotter.releaseImages();
        assertEquals(Set.of(IMAGE), images.held);
        snapshotter.remove("container");
        snapshotter.remove(top);
        snapshotter.remove(chain("data"));
        snapshotter.releaseImages();
        assertEquals(Set.of(), images.held);
    }

    @Test
    void aPullFindsWhatContainerdBelievesInAndTheNextLayerIsUnpackedOnIt() throws IOException {
        String base = pullPlain(1, "base");
        loseAll();
        assertEquals(Kind.COMMITTED, snapshotter.stat(base).kind());
        assertEquals(base, snapshotter.stat(base).labels().get(Labels.LOST));
        List<Mount> mounts = lostLayers.mending(
                KEY, "rafter", () -> snapshotter.prepare("extract", base, labels(chain("base", "next"), blob("next"))));
        assertEquals(List.of("base"), filesBelow(mounts));
        assertEquals(null, snapshotter.stat(base).labels().get(Labels.LOST));
    }

    @Test
    void filesThatWereLostAloneComeBackToo() throws IOException {
        String top = pullPlain(1, "one", "two");
        List<String> before = filesBelow(prepare("container-1", top));
        snapshotter.cleanup();
        for (String id : List.of("1", "2")) {
            deleteTree(folder.resolve("root" + life + "/snapshots/" + id));
        }
        assertEquals(before, filesBelow(prepare("container-2", top)));
        assertEquals(
                before,
                filesBelow(lostLayers.mending(KEY, "rafter", () -> snapshotter.mounts("container-1"))),
                "of a container that was made before");
    }

    private static void deleteTree(Path top) throws IOException {
        try (Stream<Path> all = Files.walk(top)) {
            for (Path path : all.sorted(java.util.Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }

    private LostLayerException assertLost(String top) {
        LostLayerException e = assertThrows(LostLayerException.class, () -> prepare("container", top));
        assertEquals(Code.FAILED_PRECONDITION, e.code());
        assertTrue(e.toString().contains("remove the image and pull it again"), e::toString);
        return e;
    }

    @Test
    void whatCannotBeMadeAgainIsSaid() throws IOException {
        String top = pullPlain(1, "one", "two");
        String nobodys = NAMESPACE + "/8/" + chain("nobody's");
        String unlabelled = NAMESPACE + "/9/" + chain("unlabelled");
        containerd.remember(chain("unlabelled"), unlabelled, "", Map.of());
        loseAll();
        containerd.blobs.remove(blob("one"));
        assertTrue(assertLost(top).toString().contains("has not kept"));
        assertTrue(assertLost(nobodys).toString().contains("no record"));
        assertTrue(assertLost(unlabelled).toString().contains("which image"));
        containerd.blobs.put(blob("one"), "another");
        assertTrue(assertLost(top).toString().contains("is not that layer"));
        containerd.blobs.put(blob("one"), "one");
        assertEquals(List.of("two", "one"), filesBelow(prepare("container", top)));
        snapshotter.cleanup();
        try (Stream<Path> left = Files.list(folder.resolve("root" + life + "/snapshots"))) {
            assertEquals(3, left.count(), "attempts leave no folder");
        }
    }

    @Test
    void anImageThatCannotBeServedNowFailsWithTheReason() throws IOException {
        String top = pullLazily();
        loseAll();
        images.failure = new IOException("the registry is down");
        assertTrue(assertLost(top).toString().contains("the registry is down"));
        images.failure = null;
        prepare("container", top);
    }

    @Test
    void aContainersWritesAreLostAndThatIsSaid() throws IOException {
        String top = pullPlain(1, "one");
        prepare("container", top);
        loseAll();
        SnapshotException e = assertThrows(
                SnapshotException.class,
                () -> lostLayers.mending(KEY, "rafter", () -> snapshotter.mounts("container")));
        assertEquals(Code.NOT_FOUND, e.code());
        assertTrue(e.toString().contains("has to be made anew"), e::toString);
    }
}
