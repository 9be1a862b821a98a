package dev.rafter.mount;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.registry.Images;
import dev.rafter.registry.RegistryOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
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
            new Rehearsal(directory, () -> images, () -> false, () -> {}).rehearse();
            assertFalse(Files.exists(directory), "something is left");
        }
    }

    @Test
    void itDoesNotBeginWhereThereIsWork() throws Exception {
        try (TestNode node = TestNode.create()) {
            Path directory = node.folder().resolve("rehearsal");
            CountDownLatch asked = new CountDownLatch(1);
            CountDownLatch played = new CountDownLatch(1);
            try (Rehearsal _ = Rehearsal.start(
                    directory,
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
            Rehearsal.start(directory, () -> images, () -> false, () -> {}).close();
            assertFalse(Files.exists(directory));
        }
    }
}
