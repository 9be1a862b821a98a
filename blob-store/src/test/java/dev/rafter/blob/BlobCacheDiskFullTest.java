package dev.rafter.blob;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A disk that is really full: a small ext4 on a loop device. */
@Timeout(120)
final class BlobCacheDiskFullTest {
    private static final long SEED = Long.getLong("test.seed", 20267);
    private static final int CHUNKS = 600;

    private interface Use {
        void of(Path disk) throws Exception;
    }

    private static void onSmallDisk(Use use) throws Exception {
        Assumptions.assumeTrue("root".equals(System.getProperty("user.name")), "mounting needs root");
        try (Scratch scratch = new Scratch()) {
            Path image = scratch.directory().resolve("disk");
            Path mountPoint = Files.createDirectory(scratch.directory().resolve("mnt"));
            try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
                file.setLength(16 << 20);
            }
            run("mkfs.ext4", "-q", "-m", "0", "-b", "1024", image.toString());
            Assumptions.assumeTrue(
                    exitOf("mount", "-o", "loop", image.toString(), mountPoint.toString()) == 0, "no loop device");
            try {
                use.of(mountPoint);
            } finally {
                if (exitOf("umount", mountPoint.toString()) != 0) {
                    run("umount", "-l", mountPoint.toString());
                }
            }
        }
    }

    @Test
    void fillsFailCleanlyAndGoOnWhenSpaceIsBack() throws Exception {
        onSmallDisk(BlobCacheDiskFullTest::fillUntilFullThenFree);
    }

    /** A page of the ready map is four blocks of this disk. */
    @Test
    void theLastBlocksOfTheDiskAreEnoughForThePageOfAReadyMapOrItSaysThatTheyAreNot() throws Exception {
        onSmallDisk(disk -> {
            int refused = 0;
            for (int blocks = 0; blocks < 8; blocks++) {
                Files.deleteIfExists(disk.resolve("ballast"));
                run("sync", "-f", disk.toString());
                Path file = disk.resolve("ready" + blocks);
                try (ReadyMap map = ReadyMap.open(file, 1 << 20, 4096, UUID.randomUUID())) {
                    leave(blocks, disk);
                    map.reserve(0, 4096);
                    map.setReady(0, 4096);
                    assertTrue(map.isReady(0, 4096));
                } catch (IOException e) {
                    assertTrue(e.toString().contains("No space left on device"), e::toString);
                    refused++;
                }
            }
            assertTrue(refused > 0 && refused < 8, refused + " of 8 refused");
        });
    }

    /** Fills a disk up to some blocks of 1024 bytes. */
    private static void leave(int blocks, Path disk) throws Exception {
        Path room = Files.write(disk.resolve("room"), new byte[1024 * blocks]);
        run("sync", "-f", disk.toString());
        try (OutputStream ballast = Files.newOutputStream(disk.resolve("ballast"))) {
            byte[] block = new byte[1024];
            while (true) {
                ballast.write(block);
            }
        } catch (IOException e) {
            assertTrue(e.toString().contains("No space left on device"), e::toString);
        }
        run("sync", "-f", disk.toString());
        Files.delete(room);
        run("sync", "-f", disk.toString());
    }

    private static void fillUntilFullThenFree(Path root) throws IOException {
        RandomChunks chunks = new RandomChunks(SEED, CHUNKS, 60_000);
        Path ballast = root.resolve("ballast");
        try (BlobStore store = BlobStore.open(BlobStore.Options.of(root).withSyncInterval(Duration.ofMillis(100)))) {
            BlobCache cache = store.acquire(chunks.blob, chunks.map);
            Files.write(ballast, new byte[4 << 20]);
            int written = 0;
            CacheWriteException full = null;
            while (full == null) {
                try {
                    cache.write(chunks.map, written, chunks.bytes(written));
                    written++;
                } catch (CacheWriteException e) {
                    full = e;
                }
            }
            assertTrue(full.toString().contains("No space left on device"), full::toString);
            assertTrue(written > 10 && written < CHUNKS - 1, written + " chunks written");
            assertFalse(cache.isChunkReady(chunks.map, written));
            int stuck = written;
            assertThrows(CacheWriteException.class, () -> cache.write(chunks.map, stuck, chunks.bytes(stuck)));

            Files.delete(ballast);
            cache.write(chunks.map, written, chunks.bytes(written));
            verify(cache, chunks, written + 1);
            cache.release();
        }
        try (BlobStore store = BlobStore.open(BlobStore.Options.of(root))) {
            BlobCache cache = store.acquire(chunks.blob, chunks.map);
            assertTrue(cache.missingChunks() < CHUNKS);
            cache.release();
        }
    }

    private static void verify(BlobCache cache, RandomChunks chunks, int written) throws IOException {
        assertEquals(CHUNKS - written, cache.missingChunks());
        for (int chunk = 0; chunk < written; chunk++) {
            ByteBuffer bytes = ByteBuffer.allocate(chunks.map.sizeBytes(chunk));
            cache.read(bytes, chunks.map.deviceOffset(chunk));
            assertTrue(chunks.matches(bytes.flip(), chunks.map.deviceOffset(chunk)), "chunk " + chunk);
        }
    }

    private static void run(String... command) throws Exception {
        assertEquals(0, exitOf(command), () -> String.join(" ", command));
    }

    private static int exitOf(String... command) throws Exception {
        Process process = new ProcessBuilder(command).inheritIO().start();
        assertTrue(process.waitFor(60, TimeUnit.SECONDS), () -> String.join(" ", command) + " does not end");
        return process.exitValue();
    }
}
