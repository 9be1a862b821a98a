package dev.rafter.snapshotter;

import static java.nio.file.LinkOption.NOFOLLOW_LINKS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.snapshotter.proto.Info;
import dev.rafter.snapshotter.proto.Kind;
import dev.rafter.snapshotter.proto.Mount;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/**
 * What containerd asks of every snapshotter (core/snapshots/testsuite, all 21 checks), over the socket, with real mounts.
 */
@Timeout(120)
class SnapshotterConformanceTest {
    @TempDir
    Path root;

    private Snapshotter snapshotter;
    private SnapshotterServer server;
    private SnapshotterClient client;

    @BeforeEach
    void start() throws IOException {
        Assumptions.assumeTrue("root".equals(System.getProperty("user.name")), "mounting needs root");
        snapshotter = Snapshotter.open(root.resolve("state"), LazyImages.NONE, new SimpleMeterRegistry());
        server = SnapshotterServer.start(root.resolve("run/snapshotter.sock"), snapshotter, Containerd.Connector.NONE);
        client = new SnapshotterClient(server.socket());
    }

    @AfterEach
    void stop() throws IOException {
        if (client != null) {
            client.close();
            server.close();
            snapshotter.close();
        }
    }

    /** What is done to a mounted snapshot. */
    private interface Change {
        void apply(Path root) throws IOException;
    }

    private static void assertFails(Status.Code code, Executable call) {
        StatusRuntimeException e = assertThrows(StatusRuntimeException.class, call);
        assertEquals(code, e.getStatus().getCode(), e.getMessage());
    }

    private static void change(List<Mount> mounts, Change change) throws IOException {
        try (Mounted mounted = Mounted.of(mounts)) {
            change.apply(mounted.root());
        }
    }

    /** Prepares a snapshot, changes it, commits it. */
    private String layer(String name, String parent, Change change) throws IOException {
        change(client.prepare(name + "-active", parent), change);
        client.commit(name, name + "-active");
        return name;
    }

    /** Mounts a new snapshot on a parent and looks at it. */
    private void look(String parent, Change look) throws IOException {
        String key = "look " + parent;
        change(client.prepare(key, parent), look);
        client.remove(key);
        change(client.view(key, parent), look);
        client.remove(key);
    }

    private static void write(Path file, String text) throws IOException {
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }

    private void assertInfo(String name, String parent, Kind kind) {
        Info info = client.stat(name);
        assertEquals(name, info.getName());
        assertEquals(parent, info.getParent());
        assertEquals(kind, info.getKind());
    }

    @Test
    void basic() throws IOException {
        change(client.prepare("preparing", ""), at -> {
            write(at.resolve("foo"), "foo\n");
            write(at.resolve("a/b/c/bar"), "bar\n");
        });
        client.commit("/committed/1", "preparing");
        assertInfo("/committed/1", "", Kind.COMMITTED);
        assertFails(Status.Code.NOT_FOUND, () -> client.stat("preparing"));

        change(client.prepare("next", "/committed/1"), at -> {
            assertEquals("foo\n", Files.readString(at.resolve("foo")));
            assertInfo("next", "/committed/1", Kind.ACTIVE);
            write(at.resolve("bar"), "bar\n");
            write(at.resolve("foo"), "foo2\n");
            Files.delete(at.resolve("a/b/c/bar"));
        });
        client.commit("/committed/2", "next");
        assertInfo("/committed/2", "/committed/1", Kind.COMMITTED);
        assertFails(Status.Code.NOT_FOUND, () -> client.stat("next"));
        assertEquals(
                Map.of("/committed/1", client.stat("/committed/1"), "/committed/2", client.stat("/committed/2")),
                client.list().stream().collect(Collectors.toMap(Info::getName, info -> info)));

        change(client.view("viewing", "/committed/2"), at -> {
            assertEquals("foo2\n", Files.readString(at.resolve("foo")));
            assertEquals("bar\n", Files.readString(at.resolve("bar")));
            assertFalse(Files.exists(at.resolve("a/b/c/bar")));
        });
        client.remove("viewing");
        StatusRuntimeException refused =
                assertThrows(StatusRuntimeException.class, () -> client.remove("/committed/1"));
        assertEquals(Status.Code.FAILED_PRECONDITION, refused.getStatus().getCode());
        assertTrue(refused.toString().contains("remove"), refused.getMessage());
        client.remove("/committed/2");
        client.remove("/committed/1");
        assertEquals(List.of(), client.list());
    }

    @Test
    void statActive() throws IOException {
        change(client.prepare("preparing", ""), at -> write(at.resolve("foo"), "foo\n"));
        assertInfo("preparing", "", Kind.ACTIVE);
        Info info = client.stat("preparing");
        assertEquals(info.getCreatedAt(), info.getUpdatedAt());
        assertTrue(Math.abs(Instant.now().getEpochSecond() - info.getCreatedAt().getSeconds()) < 60);
    }

    @Test
    void statCommitted() throws IOException {
        layer("committed", "", at -> write(at.resolve("foo"), "foo\n"));
        assertInfo("committed", "", Kind.COMMITTED);
        Info info = client.stat("committed");
        assertEquals(info.getCreatedAt(), info.getUpdatedAt());
    }

    @Test
    void transitivity() throws IOException {
        layer("snapA", "", at -> write(at.resolve("foo"), "foo\n"));
        layer("snapB", "snapA", at -> write(at.resolve("foo"), "foo in B\n"));
        assertInfo("snapA", "", Kind.COMMITTED);
        assertInfo("snapB", "snapA", Kind.COMMITTED);
        assertEquals("snapA", client.stat(client.stat("snapB").getParent()).getName());
    }

    @Test
    void prepareAndViewFailing() throws IOException {
        change(client.prepare("snapA", ""), at -> write(at.resolve("foo"), "foo\n"));
        assertFails(Status.Code.INVALID_ARGUMENT, () -> client.prepare("newLayer", "snapA"));
        assertFails(Status.Code.INVALID_ARGUMENT, () -> client.view("viewLayer", "snapA"));
        assertFails(Status.Code.ALREADY_EXISTS, () -> client.prepare("snapA", ""));
        assertFails(Status.Code.ALREADY_EXISTS, () -> client.view("snapA", ""));
        assertFails(Status.Code.NOT_FOUND, () -> client.prepare("other", "nothing"));
        client.commit("snapA-committed", "snapA");
        client.prepare("again", "snapA-committed");
        assertFails(Status.Code.ALREADY_EXISTS, () -> client.commit("snapA-committed", "again"));
        assertFails(Status.Code.NOT_FOUND, () -> client.commit("new", "nothing"));
        client.view("viewing", "snapA-committed");
        assertFails(Status.Code.FAILED_PRECONDITION, () -> client.commit("new", "viewing"));
        assertFails(Status.Code.FAILED_PRECONDITION, () -> client.mounts("snapA-committed"));
        assertFails(Status.Code.NOT_FOUND, () -> client.mounts("nothing"));
        assertFails(Status.Code.NOT_FOUND, () -> client.usage("nothing"));
        assertFails(Status.Code.NOT_FOUND, () -> client.remove("nothing"));
        assertFails(Status.Code.NOT_FOUND, () -> client.update("nothing", Map.of()));
    }

    @Test
    void update() throws IOException {
        client.prepare("a-active", "", Map.of("containerd.io/snapshot/prepared", "yes"));
        client.commit("a", "a-active", Map.of("l1", "v1", "l2", "v2", "l3", ""), "");
        Info before = client.stat("a");
        assertFalse(before.getLabelsMap().containsKey("containerd.io/snapshot/prepared"), "labels are not inherited");

        Info one = client.update("a", Map.of("l1", "new", "l2", "ignored"), "labels.l1");
        assertEquals("new", one.getLabelsMap().get("l1"));
        assertEquals("v2", one.getLabelsMap().get("l2"));
        assertEquals(before.getCreatedAt(), one.getCreatedAt());
        assertTrue(instant(one).isAfter(instant(before)));
        assertEquals(one, client.stat("a"));

        Info removed = client.update("a", Map.of("l1", ""), "labels.l1");
        assertFalse(removed.getLabelsMap().containsKey("l1"));
        Info all = client.update("a", Map.of("l9", "v9"), "labels");
        assertEquals(Map.of("l9", "v9"), all.getLabelsMap());
        Info unmasked = client.update("a", Map.of("l8", "v8"));
        assertEquals(Map.of("l8", "v8"), unmasked.getLabelsMap());
        assertFails(Status.Code.INVALID_ARGUMENT, () -> client.update("a", Map.of(), "parent"));
        assertFails(Status.Code.INVALID_ARGUMENT, () -> client.update("a", Map.of(), "labels.x", "kind"));
        assertEquals(unmasked, client.stat("a"));
        assertFails(Status.Code.INVALID_ARGUMENT, () -> client.update("a", Map.of("long", "x".repeat(4096)), "labels"));
    }

    private static Instant instant(Info info) {
        return Instant.ofEpochSecond(
                info.getUpdatedAt().getSeconds(), info.getUpdatedAt().getNanos());
    }

    @Test
    void remove() throws IOException {
        layer("committed-1", "", at -> write(at.resolve("foo"), "foo\n"));
        client.prepare("active", "committed-1");
        assertFails(Status.Code.FAILED_PRECONDITION, () -> client.remove("committed-1"));
        client.remove("active");
        client.view("view", "committed-1");
        assertFails(Status.Code.FAILED_PRECONDITION, () -> client.remove("committed-1"));
        client.remove("view");
        client.remove("committed-1");
        client.cleanup();
        try (var left = Files.list(root.resolve("state/snapshots"))) {
            assertEquals(List.of(), left.toList());
        }
    }

    @Test
    void walk() {
        client.prepare("base-active", "", Map.of("l1", "v1"));
        client.commit("base", "base-active", Map.of("l1", "v1", "containerd.io/snapshot.ref", "sha256:1"), "");
        client.prepare("top-active", "base");
        client.commit("top", "top-active", Map.of("l1", "v2", "a.b/c", "x,y \"z\""), "");
        client.prepare("active", "top", Map.of("only", "here"));
        client.view("view", "top");

        assertEquals(List.of("active", "base", "top", "view"), client.names());
        assertEquals(List.of("active", "base", "top", "view"), client.names(""));
        assertEquals(List.of("active"), client.names("kind==active"));
        assertEquals(List.of("view"), client.names("kind==view"));
        assertEquals(List.of("base", "top"), client.names("kind==committed"));
        assertEquals(List.of("active", "view"), client.names("kind==active", "kind==view"));
        assertEquals(List.of("top"), client.names("name==top"));
        assertEquals(List.of("active", "view"), client.names("parent==top"));
        assertEquals(List.of("base"), client.names("parent==\"\""));
        assertEquals(List.of("top"), client.names("labels.l1==v2,kind==committed"));
        assertEquals(List.of("base"), client.names("labels.\"containerd.io/snapshot.ref\"==sha256:1,parent==\"\""));
        assertEquals(List.of("base", "top"), client.names("labels.l1"));
        assertEquals(List.of("top"), client.names("labels.\"a.b/c\"==\"x,y \\\"z\\\"\""));
        assertEquals(List.of("base", "top"), client.names("name~=/^(base|top)$/"));
        assertEquals(List.of("active", "top", "view"), client.names("labels.l1!=v1"));
        assertEquals(List.of(), client.names("nonsense==1"));
        assertFails(Status.Code.INVALID_ARGUMENT, () -> client.names("kind=active"));
        assertFails(Status.Code.INVALID_ARGUMENT, () -> client.names("labels.\"x"));
        assertFails(Status.Code.INVALID_ARGUMENT, () -> client.names("name~=/(/"));
    }

    @Test
    void layerFileUpdate() throws IOException {
        layer("1", "", at -> {
            write(at.resolve("foo"), "hello\n");
            write(at.resolve("bar"), "hello\n");
            Files.setPosixFilePermissions(at.resolve("bar"), PosixFilePermissions.fromString("rw-------"));
        });
        layer("2", "1", at -> {
            write(at.resolve("foo"), "hello world\n");
            Files.setPosixFilePermissions(at.resolve("bar"), PosixFilePermissions.fromString("rwxr-xr-x"));
        });
        look("2", at -> {
            assertEquals("hello world\n", Files.readString(at.resolve("foo")));
            assertEquals("hello\n", Files.readString(at.resolve("bar")));
            assertEquals("rwxr-xr-x", permissions(at.resolve("bar")));
        });
    }

    private static String permissions(Path file) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
    }

    @Test
    void removeDirectoryInLowerLayer() throws IOException {
        layer("1", "", at -> {
            write(at.resolve("lib/hidden"), "hidden\n");
            write(at.resolve("lib/sub/x"), "x\n");
        });
        layer("2", "1", at -> {
            Files.delete(at.resolve("lib/hidden"));
            Files.delete(at.resolve("lib/sub/x"));
            Files.delete(at.resolve("lib/sub"));
            Files.delete(at.resolve("lib"));
        });
        layer("3", "2", at -> write(at.resolve("lib/not_hidden"), "not hidden\n"));
        look("3", at -> {
            assertEquals("not hidden\n", Files.readString(at.resolve("lib/not_hidden")));
            assertFalse(Files.exists(at.resolve("lib/hidden")));
            assertFalse(Files.exists(at.resolve("lib/sub")));
        });
    }

    @Test
    void chown() throws IOException {
        layer("1", "", at -> {
            write(at.resolve("opt/a/file"), "a\n");
            write(at.resolve("opt/file"), "b\n");
        });
        layer("2", "1", at -> {
            for (String name : List.of("opt", "opt/a", "opt/a/file", "opt/file")) {
                Files.setAttribute(at.resolve(name), "unix:uid", 1, NOFOLLOW_LINKS);
                Files.setAttribute(at.resolve(name), "unix:gid", 2, NOFOLLOW_LINKS);
            }
        });
        look("2", at -> {
            for (String name : List.of("opt", "opt/a", "opt/a/file", "opt/file")) {
                assertEquals(1, Files.getAttribute(at.resolve(name), "unix:uid", NOFOLLOW_LINKS));
                assertEquals(2, Files.getAttribute(at.resolve(name), "unix:gid", NOFOLLOW_LINKS));
            }
            assertEquals("a\n", Files.readString(at.resolve("opt/a/file")));
        });
    }

    @Test
    void directoryPermissionOnCommit() throws IOException {
        layer("1", "", at -> {
            for (int i = 1; i <= 5; i++) {
                write(at.resolve("dir" + i + "/f"), "f" + i);
            }
        });
        layer("2", "1", at -> {
            Files.delete(at.resolve("dir1/f"));
            Files.delete(at.resolve("dir1"));
            Files.createDirectory(at.resolve("dir1"));
            for (int i = 1; i <= 5; i++) {
                owned(at.resolve("dir" + i), 1);
            }
        });
        layer("3", "2", at -> {
            for (int i = 1; i <= 5; i++) {
                write(at.resolve("dir" + i + "/g"), "g" + i);
            }
        });
        look("3", at -> {
            for (int i = 1; i <= 5; i++) {
                assertEquals(1, Files.getAttribute(at.resolve("dir" + i), "unix:uid"), "dir" + i);
                assertEquals("g" + i, Files.readString(at.resolve("dir" + i + "/g")));
            }
        });
    }

    private static void owned(Path path, int uid) throws IOException {
        Files.setAttribute(path, "unix:uid", uid, NOFOLLOW_LINKS);
    }

    @Test
    void removeIntermediateSnapshot() throws IOException {
        layer("base", "", at -> write(at.resolve("foo"), "foo\n"));
        client.prepare("inter", "base");
        client.commit("inter-committed", "inter");
        client.prepare("top", "inter-committed");
        client.commit("top-committed", "top");
        StatusRuntimeException refused =
                assertThrows(StatusRuntimeException.class, () -> client.remove("inter-committed"));
        assertTrue(refused.toString().contains("remove"), refused.getMessage());
        client.remove("top-committed");
        client.remove("inter-committed");
        client.remove("base");
    }

    @Test
    void deletedFilesInChildSnapshot() throws IOException {
        layer("1", "", at -> {
            write(at.resolve("foo"), "foo\n");
            write(at.resolve("bar"), "bar\n");
        });
        layer("2", "1", at -> Files.delete(at.resolve("foo")));
        layer("3", "2", at -> write(at.resolve("etc/x"), "x"));
        look("3", at -> {
            assertFalse(Files.exists(at.resolve("foo")));
            assertEquals("bar\n", Files.readString(at.resolve("bar")));
        });
        look("1", at -> assertEquals("foo\n", Files.readString(at.resolve("foo"))));
    }

    @Test
    void moveFileFromLowerLayer() throws IOException {
        layer("1", "", at -> {
            write(at.resolve("dir1/f1"), "hello");
            write(at.resolve("dir2/f2"), "hello");
        });
        layer(
                "2",
                "1",
                at -> Files.move(at.resolve("dir1/f1"), at.resolve("dir2/moved"), StandardCopyOption.ATOMIC_MOVE));
        look("2", at -> {
            assertFalse(Files.exists(at.resolve("dir1/f1")));
            assertEquals("hello", Files.readString(at.resolve("dir2/moved")));
        });
    }

    @Test
    void viewReadonly() throws IOException {
        layer("committed", "", at -> write(at.resolve("foo"), "foo\n"));
        change(client.view("view", "committed"), at -> {
            assertThrows(IOException.class, () -> write(at.resolve("new"), "x"));
            assertThrows(IOException.class, () -> write(at.resolve("foo"), "x"));
            assertEquals("foo\n", Files.readString(at.resolve("foo")));
        });
        layer("committed-2", "committed", at -> write(at.resolve("bar"), "bar\n"));
        change(client.view("view-2", "committed-2"), at -> {
            assertThrows(IOException.class, () -> write(at.resolve("new"), "x"));
            assertEquals("foo\n", Files.readString(at.resolve("foo")));
        });
        change(client.view("empty", ""), at -> assertThrows(IOException.class, () -> write(at.resolve("new"), "x")));
    }

    @Test
    void statInWalk() throws IOException {
        layer("committed", "", at -> write(at.resolve("foo"), "foo\n"));
        client.prepare("active", "committed");
        for (Info info : client.list()) {
            assertEquals(info, client.stat(info.getName()));
        }
    }

    @Test
    void closeTwice() throws IOException {
        server.close();
        server.close();
        snapshotter.close();
        snapshotter.close();
    }

    @Test
    void rootPermission() throws IOException {
        List<Mount> mounts = client.prepare("preparing", "");
        change(mounts, at -> assertEquals("rwxr-xr-x", permissions(at)));
        client.commit("committed", "preparing");
        look("committed", at -> assertEquals("rwxr-xr-x", permissions(at)));
    }

    @Test
    void rename() throws IOException {
        layer("1", "", at -> {
            write(at.resolve("dir1/f"), "1");
            write(at.resolve("somefiles/f1"), "was here first!");
        });
        layer("2", "1", at -> {
            // A folder that is only in a lower layer cannot be renamed on overlayfs; programs copy it then.
            Files.createDirectories(at.resolve("new"));
            Files.move(at.resolve("somefiles/f1"), at.resolve("new/f1"));
            Files.move(at.resolve("new"), at.resolve("renamed"));
        });
        look("2", at -> {
            assertEquals("was here first!", Files.readString(at.resolve("renamed/f1")));
            assertFalse(Files.exists(at.resolve("somefiles/f1")));
            assertFalse(Files.exists(at.resolve("new")));
        });
    }

    @Test
    void mountOf128Layers() throws IOException {
        String top = layer("layer-0", "", at -> {
            write(at.resolve("file-0"), "0");
            write(at.resolve("changing"), "0");
        });
        for (int i = 1; i < 128; i++) {
            String number = Integer.toString(i);
            String parent = top;
            top = "layer-" + i;
            client.prepare(top + "-active", parent);
            // Through the mount it would take a minute.
            Path fs = Path.of(client.mounts(top + "-active").getFirst().getOptionsList().stream()
                    .filter(option -> option.startsWith("upperdir="))
                    .findFirst()
                    .orElseThrow()
                    .substring("upperdir=".length()));
            write(fs.resolve("file-" + number), number);
            write(fs.resolve("changing"), number);
            client.commit(top, top + "-active");
        }
        look(top, at -> {
            assertEquals("127", Files.readString(at.resolve("changing")));
            for (int i : IntStream.range(0, 128).toArray()) {
                assertEquals(Integer.toString(i), Files.readString(at.resolve("file-" + i)));
            }
        });
        assertEquals(128, client.list().size(), "in more than one batch");
    }

    @Test
    void usageIsOfTheSnapshotAlone() throws IOException {
        layer("1", "", at -> Files.write(at.resolve("big"), new byte[1 << 20]));
        change(client.prepare("active", "1"), at -> Files.write(at.resolve("small"), new byte[10_000]));
        change(client.prepare("holes", "1"), at -> {
            try (var file = new java.io.RandomAccessFile(at.resolve("sparse").toFile(), "rw")) {
                file.setLength(1L << 40);
            }
        });
        assertTrue(client.usage("holes").getSize() < 100_000, "holes take no space");
        assertTrue(client.usage("1").getSize() >= 1 << 20);
        assertEquals(2, client.usage("1").getInodes());
        assertTrue(client.usage("active").getSize() < 100_000);
        assertEquals(2, client.usage("active").getInodes());
    }

    @Test
    void commitOntoAParent() throws IOException {
        layer("base", "", at -> write(at.resolve("foo"), "foo\n"));
        layer("other", "", at -> write(at.resolve("foo"), "foo\n"));
        client.prepare("floating", "");
        client.commit("rebased", "floating", Map.of(), "base");
        assertInfo("rebased", "base", Kind.COMMITTED);
        client.prepare("fixed", "base");
        assertFails(Status.Code.INVALID_ARGUMENT, () -> client.commit("x", "fixed", Map.of(), "other"));
        client.commit("same", "fixed", Map.of(), "base");
        assertInfo("same", "base", Kind.COMMITTED);
    }

    @Test
    void everythingIsThereAfterARestart() throws IOException {
        layer("base", "", at -> write(at.resolve("foo"), "foo\n"));
        List<Mount> before = client.prepare("active", "base", Map.of("containerd.io/snapshot/x", "y"));
        change(before, at -> write(at.resolve("mine"), "mine"));
        List<Info> infos = client.list();
        Map<String, Info> known = new HashMap<>();
        infos.forEach(info -> known.put(info.getName(), info));
        stop();
        start();
        Map<String, Info> after = new HashMap<>();
        client.list().forEach(info -> after.put(info.getName(), info));
        assertEquals(known, after);
        assertEquals(before, client.mounts("active"));
        change(client.mounts("active"), at -> assertEquals("mine", Files.readString(at.resolve("mine"))));
        client.commit("top", "active");
        assertEquals(new ArrayList<>(List.of("base", "top")), client.names());
    }
}
