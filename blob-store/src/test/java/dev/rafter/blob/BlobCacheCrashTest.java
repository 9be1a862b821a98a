package dev.rafter.blob;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A process that fills a cache is killed at a random moment, again and again: what is ready is right, and stays. */
@Timeout(120)
final class BlobCacheCrashTest {
    private static final long SEED = Long.getLong("test.seed", 20266);
    private static final int CHUNKS = 3000;
    private static final int MAX_CHUNK_BYTES = 40_000;
    private static final UUID BOOT = new UUID(3, 1);
    private static final UUID NEXT_BOOT = new UUID(3, 2);
    private static final int ROUNDS = 4;

    private static RandomChunks chunks() {
        return new RandomChunks(SEED, CHUNKS, MAX_CHUNK_BYTES);
    }

    private static BlobStore store(Path root, UUID boot) throws IOException {
        return BlobStore.open(BlobStore.Options.of(root).withBootId(boot).withSyncInterval(Duration.ofMillis(5)));
    }

    @Test
    void whatIsReadyIsRightWheneverTheDaemonIsKilled() throws Exception {
        Random random = new Random(SEED);
        RandomChunks chunks = chunks();
        try (Scratch scratch = new Scratch()) {
            int readyBefore = 0;
            for (int round = 0; round < ROUNDS; round++) {
                killWhileFilling(scratch.directory(), random);
                int ready = verify(scratch.directory(), chunks, BOOT);
                assertTrue(ready >= readyBefore, ready + " ready, before " + readyBefore + ", seed " + SEED);
                readyBefore = ready;
            }
            assertTrue(readyBefore > 0, "nothing was ever filled");
            assertEquals(readyBefore, verify(scratch.directory(), chunks, NEXT_BOOT), "an orderly end keeps all");
        }
    }

    private static void killWhileFilling(Path root, Random random) throws Exception {
        Process filler = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx256m",
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        "-Dtest.seed=" + SEED,
                        Filler.class.getName(),
                        root.toString(),
                        Long.toString(random.nextLong()))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try {
            assertEquals('.', filler.getInputStream().read(), "the filler did not begin");
            Thread.sleep(random.nextInt(150));
        } finally {
            filler.destroyForcibly();
            assertTrue(filler.waitFor(20, TimeUnit.SECONDS));
        }
    }

    /** How many chunks are ready; all of them are right. */
    private static int verify(Path root, RandomChunks chunks, UUID boot) throws IOException {
        int ready = 0;
        try (BlobStore store = store(root, boot)) {
            BlobCache cache = store.acquire(chunks.blob, chunks.map);
            for (int chunk = 0; chunk < CHUNKS; chunk++) {
                if (cache.isChunkReady(chunks.map, chunk)) {
                    ready++;
                    ByteBuffer bytes = ByteBuffer.allocate(chunks.map.sizeBytes(chunk));
                    cache.read(bytes, chunks.map.deviceOffset(chunk));
                    assertTrue(chunks.matches(bytes.flip(), chunks.map.deviceOffset(chunk)), "chunk " + chunk);
                }
            }
            assertEquals(CHUNKS - ready, cache.missingChunks());
            cache.release();
        }
        return ready;
    }

    /** The process that is killed: fills chunks in random order with four threads, and never stops by itself. */
    static final class Filler {
        private Filler() {}

        public static void main(String[] arguments) throws Exception {
            RandomChunks chunks = chunks();
            BlobStore store = store(Path.of(arguments[0]), BOOT);
            BlobCache cache = store.acquire(chunks.blob, chunks.map);
            AtomicInteger written = new AtomicInteger();
            for (int thread = 0; thread < 4; thread++) {
                Random random = new Random(Long.parseLong(arguments[1]) + thread);
                Thread.ofPlatform().start(() -> fill(cache, chunks, random, written));
            }
        }

        private static void fill(BlobCache cache, RandomChunks chunks, Random random, AtomicInteger written) {
            while (true) {
                int chunk = random.nextInt(CHUNKS);
                if (!cache.isChunkReady(chunks.map, chunk)) {
                    try {
                        cache.write(chunks.map, chunk, chunks.bytes(chunk));
                        Thread.sleep(0, 300_000);
                    } catch (IOException | InterruptedException e) {
                        throw new IllegalStateException(e);
                    }
                    if (written.incrementAndGet() == 1) {
                        System.out.print('.');
                        System.out.flush();
                    }
                }
            }
        }
    }
}
