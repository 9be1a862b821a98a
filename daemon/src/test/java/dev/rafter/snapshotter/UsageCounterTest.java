package dev.rafter.snapshotter;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class UsageCounterTest {
    @TempDir
    Path folder;

    private void addFiles(int from, int to) throws IOException {
        for (int i = from; i < to; i++) {
            Files.createFile(folder.resolve("file-" + i));
        }
    }

    @Test
    void aCountThatWasForgottenIsNotKept() throws IOException {
        addFiles(0, 5000);
        try (UsageCounter counter = new UsageCounter()) {
            CompletableFuture<Usage> old = counter.start(1, folder);
            counter.forget(1);
            assertEquals(5001, old.join().inodes());
            addFiles(5000, 5100);
            assertEquals(5101, counter.now(1, folder).inodes());
        }
    }
}
