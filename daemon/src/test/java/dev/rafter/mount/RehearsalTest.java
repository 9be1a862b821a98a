package dev.rafter.mount;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.registry.Images;
import dev.rafter.registry.RegistryOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The rehearsal goes through to its end, or not at all, and leaves nothing behind. */
@Timeout(120)
final class RehearsalTest {
    @Test
    void itEndsWellAndLeavesNothing() throws IOException {
        try (TestNode node = TestNode.create();
                Images images = new Images(RegistryOptions.DEFAULTS)) {
            Path directory = node.folder().resolve("rehearsal");
            Files.createDirectories(directory.resolve("left/by/one/before"));
            new Rehearsal(directory, null, () -> images, () -> false, () -> {}).rehearse();
            assertFalse(Files.exists(directory), "something is left");
        }
    }

    @Test
    void withThePreparedImageItEndsWellAndLeavesThatAsItWas() throws IOException {
        try (TestNode node = TestNode.create();
                Images images = new Images(RegistryOptions.DEFAULTS)) {
            Path prepared = node.folder().resolve("prepared");
            Rehearsal.prepare(prepared);
            List<String> before = list(prepared);
            Path directory = node.folder().resolve("rehearsal");
            new Rehearsal(directory, prepared, () -> images, () -> false, () -> {}).rehearse();
            assertFalse(Files.exists(directory), "something is left");
            assertEquals(before, list(prepared));
        }
    }

    /** Paths and times of all that is there. */
    private static List<String> list(Path folder) throws IOException {
        List<String> found = new ArrayList<>();
        try (Stream<Path> tree = Files.walk(folder)) {
            for (Path path : (Iterable<Path>) tree.sorted()::iterator) {
                found.add(path + " " + Files.getLastModifiedTime(path));
            }
        }
        return found;
    }

    @Test
    void itDoesNotBeginWhereThereIsWork() throws Exception {
        try (TestNode node = TestNode.create()) {
            Path directory = node.folder().resolve("rehearsal");
            CountDownLatch asked = new CountDownLatch(1);
            CountDownLatch played = new CountDownLatch(1);
            try (Rehearsal _ = Rehearsal.start(
                    directory,
                    null,
                    () -> {
                        throw new IllegalStateException("nobody should ask");
                    },
                    () -> {
                        asked.countDown();
                        return true;
                    },
                    played::countDown)) {
                assertTrue(asked.await(60, TimeUnit.SECONDS));
                assertTrue(played.await(60, TimeUnit.SECONDS), "what else there is does not depend on mounts");
            }
            assertFalse(Files.exists(directory));
        }
    }

    @Test
    void aDaemonThatEndsBreaksItOff() throws IOException {
        try (TestNode node = TestNode.create();
                Images images = new Images(RegistryOptions.DEFAULTS)) {
            Path directory = node.folder().resolve("rehearsal");
            Rehearsal.start(directory, null, () -> images, () -> false, () -> {})
                    .close();
            assertFalse(Files.exists(directory));
        }
    }
}
