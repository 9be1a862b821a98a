package dev.rafter.build;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.format.CorruptImageException;
import dev.rafter.format.FileNode;
import dev.rafter.format.FileType;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What layers give when they are put one over the other. */
@Timeout(20)
class MergeTest {
    private static FileNode merge(TarBuilder... layers) throws IOException {
        List<LayerSource> sources = new ArrayList<>();
        for (TarBuilder layer : layers) {
            sources.add(Layers.of("layer " + (sources.size() + 1), layer.build()));
        }
        return SourceTree.read(sources).root();
    }

    private static TarBuilder layer() {
        return new TarBuilder();
    }

    /** "/a/ 700" for a directory, "/a/f" for a file, "/l > x" for a link. */
    private static List<String> paths(FileNode root) {
        SortedMap<String, String> lines = new TreeMap<>();
        Deque<Map.Entry<String, FileNode>> open = new ArrayDeque<>(List.of(Map.entry("", root)));
        while (!open.isEmpty()) {
            Map.Entry<String, FileNode> directory = open.pop();
            directory.getValue().children().forEach((name, child) -> {
                String at = directory.getKey() + "/" + name;
                lines.put(at, at + shown(child));
                open.push(Map.entry(at, child));
            });
        }
        return new ArrayList<>(lines.values());
    }

    private static String shown(FileNode node) {
        return switch (node.type()) {
            case DIRECTORY -> "/ " + Integer.toOctalString(node.permissions());
            case SYMLINK -> " > " + node.target();
            default -> "";
        };
    }

    private static FileNode at(FileNode root, String... names) {
        FileNode node = root;
        for (String name : names) {
            node = node.children().get(name);
            if (node == null) {
                throw new AssertionError("no " + String.join("/", names));
            }
        }
        return node;
    }

    @Test
    void whiteoutHidesAFileADirectoryAndNothing() throws IOException {
        FileNode root = merge(
                layer().file("f", "1").directory("d").file("d/x", "1").file("keep", "1"),
                layer().whiteout(".wh.f")
                        .whiteout(".wh.d")
                        .whiteout(".wh.neverwas")
                        .whiteout("no/such/.wh.x"));
        assertEquals(List.of("/keep"), paths(root));
    }

    @Test
    void whiteoutSparesItsOwnLayerInEitherOrder() throws IOException {
        TarBuilder lower =
                layer().file("f", "1").directory("d", 0711).file("d/old", "1").file("d/sub/old", "1");
        List<String> expected = List.of("/d/ 700", "/d/new", "/d/sub/ 755", "/d/sub/new", "/f");
        FileNode before = merge(
                lower,
                layer().whiteout(".wh.f")
                        .whiteout(".wh.d")
                        .file("f", "2")
                        .directory("d")
                        .file("d/new", "2")
                        .file("d/sub/new", "2"));
        assertEquals(expected, paths(before));
        TarBuilder again =
                layer().file("f", "1").directory("d", 0711).file("d/old", "1").file("d/sub/old", "1");
        FileNode after = merge(
                again,
                layer().file("f", "2")
                        .directory("d")
                        .file("d/new", "2")
                        .file("d/sub/new", "2")
                        .whiteout(".wh.d")
                        .whiteout(".wh.f"));
        assertEquals(expected, paths(after));
    }

    @Test
    void hiddenDirectoryThatItsLayerOnlyPassesThroughIsImplied() throws IOException {
        FileNode root = merge(
                layer().directory("d", 0711).file("d/old", "1"),
                layer().file("d/new", "2").whiteout(".wh.d"));
        assertEquals(List.of("/d/ 755", "/d/new"), paths(root));
        assertEquals(0, at(root, "d").uid());
    }

    @Test
    void opaqueMarkHidesWhatIsBelowButNotTheDirectory() throws IOException {
        for (boolean first : new boolean[] {true, false}) {
            TarBuilder upper = layer();
            if (first) {
                upper.whiteout("d/.wh..wh..opq");
            }
            upper.file("d/new", "2").file("d/sub/new", "2");
            if (!first) {
                upper.whiteout("d/.wh..wh..opq");
            }
            FileNode root = merge(
                    layer().directory("d", 0711)
                            .file("d/old", "1")
                            .directory("d/sub", 0711)
                            .file("d/sub/old", "1"),
                    upper);
            assertEquals(List.of("/d/ 711", "/d/new", "/d/sub/ 755", "/d/sub/new"), paths(root), "first=" + first);
        }
    }

    @Test
    void opaqueMarkInTheRootHidesAll() throws IOException {
        assertEquals(
                List.of("/new"),
                paths(merge(layer().file("old", "1"), layer().file("new", "2").whiteout(".wh..wh..opq"))));
    }

    @Test
    void whatALayerHidesTheNextCanBringBack() throws IOException {
        FileNode root = merge(
                layer().directory("d", 0711).file("d/f", "1"), layer().whiteout(".wh.d"), layer().file("d/g", "3"));
        assertEquals(List.of("/d/ 755", "/d/g"), paths(root));
    }

    @Test
    void filesOfAufsItselfAreNone() throws IOException {
        FileNode root = merge(
                layer().directory(".wh..wh.plnk").file(".wh..wh.plnk/1.2", "x").file(".wh..wh.aufs", ""));
        assertEquals(List.of(), paths(root));
    }

    @Test
    void typesReplaceOneAnother() throws IOException {
        FileNode root = merge(
                layer().file("file-dir", "1")
                        .directory("dir-file")
                        .file("dir-file/x", "1")
                        .symlink("link-dir", "dir-file")
                        .directory("dir-link")
                        .file("file-implied", "1"),
                layer().directory("file-dir")
                        .file("dir-file", "2")
                        .directory("link-dir")
                        .symlink("dir-link", "nowhere")
                        .file("file-implied/in", "2"));
        assertEquals(
                List.of(
                        "/dir-file",
                        "/dir-link > nowhere",
                        "/file-dir/ 700",
                        "/file-implied/ 755",
                        "/file-implied/in",
                        "/link-dir/ 700"),
                paths(root));
    }

    @Test
    void directoryOverDirectoryKeepsTheContents() throws IOException {
        FileNode root = merge(layer().directory("d", 0711).file("d/f", "1"), layer().directory("./d/", 0750));
        assertEquals(List.of("/d/ 750", "/d/f"), paths(root));
    }

    @Test
    void theLastEntryOfAPathCounts() throws IOException {
        SourceTree tree = SourceTree.read(List.of(Layers.of(
                "l", layer().file("f", "1").hardLink("g", "f").file("f", "22").build())));
        FileNode root = tree.root();
        assertEquals(2, tree.size(at(root, "f")));
        assertEquals(1, tree.size(at(root, "g")));
    }

    @Test
    void hardLinksLeadAcrossDirectoriesAndLayers() throws IOException {
        FileNode root = merge(
                layer().file("a/one", "1").symlink("l", "x"),
                layer().hardLink("b/two", "a/one").hardLink("b/l", "l").whiteout("a/.wh.one"),
                layer().hardLink("c/three", "./b/../b/two"));
        assertEquals(List.of("/a/ 755", "/b/ 755", "/b/l > x", "/b/two", "/c/ 755", "/c/three", "/l > x"), paths(root));
        assertSame(at(root, "b", "two"), at(root, "c", "three"));
        assertSame(at(root, "l"), at(root, "b", "l"));
    }

    @Test
    void whatAHardLinkLedToMayBeReplaced() throws IOException {
        FileNode root = merge(
                layer().file("a", "1").hardLink("b", "a"),
                layer().file("a", "22").hardLink("c", "a").hardLink("c", "b"));
        assertSame(at(root, "b"), at(root, "c"));
        assertTrue(at(root, "a") != at(root, "b"));
    }

    @Test
    void symbolicLinksOnTheWayAreFollowedWithinTheRoot() throws IOException {
        FileNode root = merge(
                layer().directory("usr")
                        .directory("usr/lib")
                        .symlink("lib", "usr/lib")
                        .symlink("up", "../../../usr"),
                layer().file("lib/a", "2")
                        .file("up/lib/b", "2")
                        .symlink("abs", "/usr")
                        .file("abs/c", "2"));
        assertEquals(
                List.of(
                        "/abs > /usr",
                        "/lib > usr/lib",
                        "/up > ../../../usr",
                        "/usr/ 700",
                        "/usr/c",
                        "/usr/lib/ 700",
                        "/usr/lib/a",
                        "/usr/lib/b"),
                paths(root));
    }

    @Test
    void whiteoutsFollowLinksInTheirParentsOnly() throws IOException {
        FileNode root = merge(
                layer().file("usr/lib/a", "1").symlink("lib", "usr/lib").symlink("gone", "usr"),
                layer().whiteout("lib/.wh.a").whiteout(".wh.gone"));
        assertEquals(List.of("/lib > usr/lib", "/usr/ 755", "/usr/lib/ 755"), paths(root));
    }

    @Test
    void danglingLinkOnTheWayGetsItsDirectory() throws IOException {
        FileNode root = merge(layer().symlink("d", "/new/place").file("d/x", "1"));
        assertEquals(List.of("/d > /new/place", "/new/ 755", "/new/place/ 755", "/new/place/x"), paths(root));
    }

    @Test
    void whatCannotBeUnpackedIsRefused() {
        refused(
                "leads through more than 40",
                layer().symlink("a", "b").symlink("b", "a").file("a/x", "1"));
        refused("which is no directory", layer().file("f", "1").file("f/x", "1"));
        refused("is not there", layer().hardLink("h", "missing"));
        refused("to the directory", layer().directory("d").hardLink("h", "d"));
        refused("to the directory", layer().hardLink("h", "/"));
        refused("has a target of 0 bytes", layer().symlink("l", ""));
        refused("whiteout of the name", layer().whiteout("d/.wh..."));
        refused("root that is no directory", layer().file("./", "x"));
        refused("has a name of 256 bytes", layer().symlink("l", "x".repeat(256)).file("l/x", ""));
        refused("256 bytes, at most 255", layer().file("x".repeat(256), ""));
        refused("at most 4095", layer().file("d/".repeat(2048), ""));
    }

    private static void refused(String why, TarBuilder layer) {
        CorruptImageException e = assertThrows(CorruptImageException.class, () -> merge(layer));
        assertTrue(String.valueOf(e.getMessage()).contains(why), String.valueOf(e.getMessage()));
        assertEquals("layer 1", e.resource());
    }

    @Test
    void theRootCanHaveAttributes() throws IOException {
        FileNode root = merge(layer().directory("./", 0711));
        assertEquals(0711, root.permissions());
        assertEquals(FileType.DIRECTORY, root.type());
        assertEquals(5, root.mtimeNanos());
    }

    /** The worst that layers can ask for is linear: each level is cleared once. */
    @Test
    void manyWhiteoutsOfADeepTreeEndInTime() throws IOException {
        TarBuilder lower = layer();
        TarBuilder upper = layer();
        String deep = "d/".repeat(1500);
        for (int i = 0; i < 2000; i++) {
            lower.file(deep + "f" + i, "");
        }
        for (int i = 0; i < 2000; i++) {
            upper.file(deep + "g" + i, "").whiteout(".wh.d").whiteout("d/.wh.d").whiteout("d/.wh..wh..opq");
        }
        assertEquals(3500 - 2 + 2, paths(merge(lower, upper)).size());
    }
}
