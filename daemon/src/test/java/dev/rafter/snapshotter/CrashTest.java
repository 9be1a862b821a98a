package dev.rafter.snapshotter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.oci.Digest;
import dev.rafter.snapshotter.SnapshotException.Code;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Ends the process after each step on disk of Prepare, Commit, Remove and of starting, in turn, and starts again: what was acknowledged is
 * there, what was under way is wholly there or not at all, and after containerd's garbage collection nothing else is.
 */
@Timeout(120)
class CrashTest {
    private static final Digest MANIFEST = Digest.sha256("manifest".getBytes(java.nio.charset.StandardCharsets.UTF_8));

    @TempDir
    Path folder;

    private Thread.@Nullable UncaughtExceptionHandler handler;
    private volatile @Nullable Throwable bug;

    /** The process is no more. */
    private static final class Killed extends Error {
        private static final long serialVersionUID = 1;
    }

    /** Kills at a step; afterwards nothing happens any more. */
    private static final class KillAt implements Steps {
        private final int fatal;
        private int seen;
        private final List<String> names = new ArrayList<>();

        KillAt(int fatal) {
            this.fatal = fatal;
        }

        @Override
        public synchronized void after(String step) {
            seen++;
            names.add(step);
            if (seen >= fatal) {
                throw new Killed();
            }
        }

        synchronized boolean isDead() {
            return seen >= fatal;
        }
    }

    private interface Action {
        void run(Snapshotter snapshotter) throws IOException;
    }

    /**
     * One request of containerd.
     *
     * @param removes what is gone when it is acknowledged
     * @param adds name and parent of what is there then
     * @param done the error that says it was done before
     */
    private record Operation(Action action, List<String> removes, Map<String, String> adds, Code done) {}

    private static final List<Operation> SCENARIO = List.of(
            prepare("extract-1", ""),
            commit("layer-1", "extract-1", ""),
            prepare("extract-2", "layer-1"),
            commit("layer-2", "extract-2", "layer-1"),
            prepare("container", "layer-2"),
            lazy("lazy-1", ""),
            lazy("lazy-2", "lazy-1"),
            prepare("lazy-container", "lazy-2"),
            prepare("scratch", ""),
            remove("scratch"),
            remove("lazy-container"),
            remove("lazy-2"),
            remove("lazy-1"),
            remove("container"),
            remove("layer-2"));

    private static Operation prepare(String key, String parent) {
        return new Operation(
                snapshotter -> {
                    try {
                        snapshotter.prepare(key, parent, Map.of());
                    } finally {
                        // Also into one that was prepared before the crash.
                        write(snapshotter, key);
                    }
                },
                List.of(),
                Map.of(key, parent),
                Code.ALREADY_EXISTS);
    }

    private static void write(Snapshotter snapshotter, String key) throws IOException {
        if (!snapshotter.list(List.of("name==\"" + key + "\"")).isEmpty()) {
            Files.writeString(writable(snapshotter.mounts(key)).resolve("file"), key);
        }
    }

    private static Path writable(List<Mount> mounts) {
        Mount mount = mounts.getFirst();
        return Path.of(
                mount.type().equals("bind")
                        ? mount.source()
                        : mount.options().stream()
                                .filter(option -> option.startsWith("upperdir="))
                                .findFirst()
                                .orElseThrow()
                                .substring("upperdir=".length()));
    }

    private static Operation commit(String name, String key, String parent) {
        return new Operation(
                snapshotter -> snapshotter.commit(name, key, Map.of(), ""),
                List.of(key),
                Map.of(name, parent),
                Code.ALREADY_EXISTS);
    }

    private static Operation lazy(String ref, String parent) {
        return new Operation(
                snapshotter -> snapshotter.prepare(
                        "extract " + ref,
                        parent,
                        Map.of(
                                Labels.REF,
                                ref,
                                Labels.IMAGE_REF,
                                "example.org/app:1",
                                Labels.MANIFEST_DIGEST,
                                MANIFEST.toString(),
                                Labels.LAYER_DIGEST,
                                MANIFEST.toString())),
                List.of(),
                Map.of(ref, parent),
                Code.ALREADY_EXISTS);
    }

    private static Operation remove(String key) {
        return new Operation(snapshotter -> snapshotter.remove(key), List.of(key), Map.of(), Code.NOT_FOUND);
    }

    /** Serves every image from one folder. */
    private LazyImages images() throws IOException {
        Path mount = Files.createDirectories(folder.resolve("image"));
        return new LazyImages() {
            @Override
            public Decision decide(ImageLayer layer, Map<String, String> labels) {
                return new Decision.Lazy(Set.of(layer.layer()));
            }

            @Override
            public Path mount(ImageLayer layer) {
                return mount;
            }

            @Override
            public Path data(ImageLayer layer) {
                return mount;
            }

            @Override
            public void hold(ImageLayer layer) {}

            @Override
            public void release(Supplier<Set<Digest>> needed) {}
        };
    }

    @BeforeEach
    void muteTheDead() {
        handler = Thread.getDefaultUncaughtExceptionHandler();
        Thread.setDefaultUncaughtExceptionHandler((thread, thrown) -> {
            if (!(thrown instanceof Killed)) {
                bug = thrown;
            }
        });
    }

    @AfterEach
    void unmute() {
        Thread.setDefaultUncaughtExceptionHandler(handler);
        assertNull(bug);
    }

    @Test
    void everyStepOfEveryChangeSurvives() throws IOException {
        Set<String> killedAfter = new TreeSet<>();
        int fatal = 0;
        boolean killed;
        do {
            fatal++;
            killed = runOnce(folder.resolve("run-" + fatal), fatal, killedAfter);
        } while (killed);
        assertTrue(fatal > 40, "only " + fatal + " steps were seen");
        assertEquals(
                Set.of(
                        "folder made",
                        "folder owned",
                        "folder in place",
                        "line written",
                        "line durable",
                        "folder emptied",
                        "folder deleted",
                        "journal rewritten",
                        "journal renamed",
                        "journal in place"),
                killedAfter);
    }

    /** Runs the scenario, is killed at a step, starts again, ends the scenario; false if it ended before that step. */
    private boolean runOnce(Path root, int fatal, Set<String> killedAfter) throws IOException {
        KillAt steps = new KillAt(fatal);
        Map<String, String> acknowledged = new TreeMap<>();
        int next = 0;
        Snapshotter first = null;
        try {
            first = Snapshotter.open(root, images(), new SimpleMeterRegistry(), steps);
            while (next < SCENARIO.size() && !steps.isDead()) {
                run(first, SCENARIO.get(next), false);
                acknowledge(acknowledged, SCENARIO.get(next++));
                first.cleanup();
            }
        } catch (Killed _) {
            // As planned.
        }
        boolean killed = steps.isDead();
        if (killed) {
            killedAfter.add(steps.names.get(fatal - 1));
        }
        if (first != null) {
            first.close();
        } else {
            Files.deleteIfExists(root.resolve("state.lock"));
        }
        continueAfter(root, acknowledged, next);
        return killed;
    }

    private void continueAfter(Path root, Map<String, String> acknowledged, int next) throws IOException {
        try (Snapshotter second = Snapshotter.open(root, images(), new SimpleMeterRegistry())) {
            Map<String, String> found = snapshots(second);
            Map<String, String> after = new TreeMap<>(acknowledged);
            if (next < SCENARIO.size()) {
                acknowledge(after, SCENARIO.get(next));
            }
            assertTrue(
                    found.equals(acknowledged) || found.equals(after),
                    () -> found + " is neither " + acknowledged + " nor " + after);
            checkFiles(second, root);
            for (int i = next; i < SCENARIO.size(); i++) {
                run(second, SCENARIO.get(i), i == next);
                acknowledge(acknowledged, SCENARIO.get(i));
                assertEquals(acknowledged, snapshots(second));
            }
            checkFiles(second, root);
            assertEquals(Map.of("layer-1", ""), snapshots(second));
        }
    }

    private static void run(Snapshotter snapshotter, Operation operation, boolean again) throws IOException {
        try {
            operation.action().run(snapshotter);
        } catch (SnapshotException e) {
            boolean asked = operation.adds().keySet().stream().anyMatch(name -> name.startsWith("lazy-"));
            if (e.code() != operation.done() || !(again || asked)) {
                // After a commit its key is gone.
                assertTrue(
                        again
                                && e.code() == Code.NOT_FOUND
                                && !operation.removes().isEmpty(),
                        e::toString);
            }
        }
    }

    private static void acknowledge(Map<String, String> snapshots, Operation operation) {
        operation.removes().forEach(snapshots::remove);
        snapshots.putAll(operation.adds());
    }

    private static Map<String, String> snapshots(Snapshotter snapshotter) throws IOException {
        return snapshotter.list(List.of()).stream()
                .collect(Collectors.toMap(SnapshotInfo::name, SnapshotInfo::parent, (a, b) -> a, TreeMap::new));
    }

    /** Each snapshot with files has its folder with what was written into it, and there is no other folder. */
    private static void checkFiles(Snapshotter snapshotter, Path root) throws IOException {
        snapshotter.cleanup();
        long withFiles = snapshots(snapshotter).keySet().stream()
                .filter(name -> !name.matches("lazy-\\d"))
                .count();
        try (Stream<Path> folders = Files.list(root.resolve("snapshots"))) {
            List<Path> found = folders.toList();
            assertEquals(withFiles, found.size(), found::toString);
            for (Path one : found) {
                assertTrue(Files.isDirectory(one.resolve("fs")));
            }
        }
        if (snapshots(snapshotter).containsKey("layer-1")) {
            try (Stream<Path> files = Files.walk(root.resolve("snapshots"))) {
                assertTrue(files.anyMatch(file -> file.endsWith("fs/file") && holds(file, "extract-1")));
            }
        }
    }

    private static boolean holds(Path file, String text) {
        try {
            return Files.readString(file).equals(text);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
