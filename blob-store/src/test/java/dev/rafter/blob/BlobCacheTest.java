package dev.rafter.blob;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.codec.Codec;
import dev.rafter.digest.DigestAlgorithm;
import dev.rafter.format.CorruptImageException;
import dev.rafter.oci.Digest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The life of a cache: over restarts, crashes, other boots, images that agree and images that do not. */
@Timeout(60)
final class BlobCacheTest {
    private static final long SEED = Long.getLong("test.seed", 20265);
    private static final int CHUNKS = 100;
    private static final UUID BOOT = new UUID(2, 1);
    private static final UUID NEXT_BOOT = new UUID(2, 2);

    private final RandomChunks chunks = new RandomChunks(SEED, CHUNKS, 50_000);
    private final FaultyCacheFile.Faults faults = new FaultyCacheFile.Faults();
    private Scratch scratch;

    @BeforeEach
    void open() throws IOException {
        scratch = new Scratch();
    }

    @AfterEach
    void close() throws IOException {
        scratch.close();
    }

    private BlobStore store(UUID boot) throws IOException {
        return BlobStore.open(BlobStore.Options.of(scratch.directory())
                .withOpener(faults)
                .withBootId(boot)
                .withSyncInterval(Duration.ofHours(1)));
    }

    private Path directory() {
        return scratch.directory().resolve("blobs/sha256").resolve(chunks.blob.hex());
    }

    private void write(BlobCache cache, int from, int to) throws IOException {
        for (int chunk = from; chunk < to; chunk++) {
            cache.write(chunks.map, chunk, chunks.bytes(chunk));
        }
    }

    private void assertReady(BlobCache cache, int from, int to) throws IOException {
        for (int chunk = 0; chunk < CHUNKS; chunk++) {
            boolean expected = chunk >= from && chunk < to;
            assertEquals(expected, cache.isChunkReady(chunks.map, chunk), "chunk " + chunk);
            if (expected) {
                ByteBuffer bytes = ByteBuffer.allocate(chunks.map.sizeBytes(chunk));
                cache.read(bytes, chunks.map.deviceOffset(chunk));
                assertTrue(chunks.matches(bytes.flip(), chunks.map.deviceOffset(chunk)), "chunk " + chunk);
            }
        }
    }

    @Test
    void aChunkIsReadyWhenItIsWrittenAndTheBlobWhenAllAre() throws IOException {
        try (BlobStore store = store(BOOT)) {
            BlobCache cache = store.acquire(chunks.blob, chunks.map);
            assertEquals(CHUNKS, cache.missingChunks());
            assertReady(cache, 0, 0);
            faults.maxWriteBytes = 1000;
            write(cache, 0, 30);
            assertReady(cache, 0, 30);
            assertEquals(CHUNKS - 30, cache.missingChunks());
            write(cache, 20, CHUNKS);
            assertReady(cache, 0, CHUNKS);
            assertTrue(cache.isComplete());
            cache.release();
        }
    }

    @Test
    void rangesOutsideTheFileAreNotReady() throws IOException {
        try (BlobStore store = store(BOOT)) {
            BlobCache cache = store.acquire(chunks.blob, chunks.map);
            write(cache, 0, CHUNKS);
            assertTrue(cache.isReady(cache.sizeBytes() - 1, 1));
            assertFalse(cache.isReady(cache.sizeBytes() - 1, 2));
            assertFalse(cache.isReady(cache.sizeBytes(), 1));
            assertFalse(cache.isReady(-1, 1));
            assertFalse(cache.isReady(0, 0));
            assertFalse(cache.isReady(0, Long.MAX_VALUE));
            assertFalse(cache.isReady(Long.MAX_VALUE, Long.MAX_VALUE));
            cache.release();
        }
    }

    @Test
    void anOrderlyEndKeepsEverythingForTheNextBoot() throws IOException {
        try (BlobStore store = store(BOOT)) {
            BlobCache cache = store.acquire(chunks.blob, chunks.map);
            write(cache, 10, 60);
            cache.release();
        }
        try (BlobStore store = store(NEXT_BOOT)) {
            BlobCache cache = store.acquire(chunks.blob, chunks.part(2, 0));
            assertEquals(CHUNKS, cache.chunks().chunkCount(), "the chunk map comes from disk");
            assertReady(cache, 10, 60);
            assertEquals(CHUNKS - 50, cache.missingChunks());
            cache.release();
        }
    }

    /** As after kill -9: nobody closes anything; the page cache is still there, or not. */
    @Test
    void aDeadDaemonLosesNothingAnotherBootWhatWasNotSynced() throws IOException {
        BlobStore dead = store(BOOT);
        BlobCache cache = dead.acquire(chunks.blob, chunks.map);
        write(cache, 0, 20);
        cache.sync();
        write(cache, 20, 40);

        copyDirectory();
        try (BlobStore store = store(BOOT)) {
            assertReady(store.acquire(copyDigest(), chunks.map), 0, 40);
        }
        deleteCopy();
        copyDirectory();
        try (BlobStore store = store(NEXT_BOOT)) {
            assertReady(store.acquire(copyDigest(), chunks.map), 0, 20);
        }
        dead.close();
    }

    private Digest copyDigest() {
        return Digest.sha256(new byte[] {1});
    }

    private void copyDirectory() throws IOException {
        Path copy = directory().resolveSibling(copyDigest().hex());
        Files.createDirectory(copy);
        for (String name : List.of("data", "ready", "chunks")) {
            Files.copy(directory().resolve(name), copy.resolve(name));
        }
    }

    private void deleteCopy() throws IOException {
        Path copy = directory().resolveSibling(copyDigest().hex());
        for (String name : List.of("data", "ready", "chunks")) {
            Files.delete(copy.resolve(name));
        }
        Files.delete(copy);
    }

    @Test
    void withoutItsDataNothingIsReady() throws IOException {
        for (String damage : List.of("no data", "short data", "no chunks", "torn chunks", "no ready", "torn ready")) {
            try (BlobStore store = store(BOOT)) {
                BlobCache cache = store.acquire(chunks.blob, chunks.map);
                write(cache, 0, 50);
                cache.release();
            }
            Path file = directory().resolve(damage.substring(damage.indexOf(' ') + 1));
            if (damage.startsWith("no ")) {
                Files.delete(file);
            } else {
                try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                    channel.truncate(channel.size() - 1);
                }
            }
            try (BlobStore store = store(BOOT)) {
                BlobCache cache = store.acquire(chunks.blob, chunks.map);
                assertEquals(CHUNKS, cache.missingChunks(), damage);
                write(cache, 0, CHUNKS);
                assertReady(cache, 0, CHUNKS);
                cache.release();
            }
            for (String name : List.of("data", "ready", "chunks")) {
                Files.delete(directory().resolve(name));
            }
        }
    }

    @Test
    void imagesThatAgreeShareACache() throws IOException {
        try (BlobStore store = store(BOOT)) {
            BlobCache cache = store.acquire(chunks.blob, chunks.part(2, 0));
            ChunkMap even = cache.chunks();
            cache.write(even, 0, chunks.bytes(0));
            for (int i = 1; i < even.chunkCount(); i++) {
                cache.write(even, i, chunks.bytes(2 * i));
            }
            assertTrue(cache.isComplete());
            BlobCache other = store.acquire(chunks.blob, chunks.part(3, 0));
            assertSame(cache, other);
            assertFalse(cache.isComplete(), "another image knows more");
            assertEquals(1, faults.opened.get());
            cache.write(even, 0, chunks.bytes(0));
            cache.release();
            assertTrue(other.isChunkReady(chunks.map, 0));
            other.release();
        }
    }

    @Test
    void anImageThatDisagreesGetsACacheOfItsOwn() throws IOException {
        ChunkMap lie = chunks.lyingAbout(42);
        try (BlobStore store = store(BOOT)) {
            BlobCache honest = store.acquire(chunks.blob, chunks.map);
            write(honest, 0, CHUNKS);
            BlobCache liar = store.acquire(chunks.blob, lie);
            assertNotEquals(honest.directory(), liar.directory());
            assertTrue(liar.directory().getFileName().toString().matches("[0-9a-f]{64}-[0-9a-f]{16}"));
            assertEquals(CHUNKS, liar.missingChunks());
            assertSame(liar, store.acquire(chunks.blob, lie), "the same image finds it again");
            assertSame(honest, store.acquire(chunks.blob, chunks.part(7, 3)));
        }
        try (BlobStore store = store(BOOT)) {
            BlobCache liar = store.acquire(chunks.blob, lie);
            assertNotEquals(directory(), liar.directory(), "over a restart, too");
            assertEquals(CHUNKS, liar.missingChunks());
            assertTrue(store.acquire(chunks.blob, chunks.map).isComplete());
        }
    }

    @Test
    void whereTheDisagreeingImageWasFirstTheOtherIsStillSafe() throws IOException {
        try (BlobStore store = store(BOOT)) {
            BlobCache liar = store.acquire(chunks.blob, chunks.lyingAbout(0));
            liar.write(liar.chunks(), 0, ByteBuffer.allocateDirect(chunks.map.sizeBytes(0)));
            BlobCache honest = store.acquire(chunks.blob, chunks.map);
            assertFalse(honest.isChunkReady(chunks.map, 0));
        }
    }

    @Test
    void aFullDiskFailsTheWriteAndHealsWithSpace() throws IOException {
        try (BlobStore store = store(BOOT)) {
            BlobCache cache = store.acquire(chunks.blob, chunks.map);
            faults.full = true;
            CacheWriteException full = assertThrows(CacheWriteException.class, () -> write(cache, 0, 1));
            assertTrue(full.toString().contains("No space left"), full::toString);
            assertTrue(full.toString().contains(cache.dataFile().toString()), full::toString);
            assertReady(cache, 0, 0);
            faults.full = false;
            write(cache, 0, 1);
            assertReady(cache, 0, 1);
            cache.release();
        }
    }

    @Test
    void aFailedSyncMakesWhatItMayHaveLostMissingAgain() throws IOException {
        try (BlobStore store = store(BOOT)) {
            BlobCache cache = store.acquire(chunks.blob, chunks.map);
            write(cache, 0, 10);
            cache.sync();
            write(cache, 10, 20);
            faults.syncFails = true;
            IOException failed = assertThrows(IOException.class, cache::sync);
            assertTrue(failed.toString().contains("Input/output error"), failed::toString);
            assertReady(cache, 0, 10);
            assertEquals(CHUNKS - 10, cache.missingChunks());
            faults.syncFails = false;
            write(cache, 10, 20);
            cache.sync();
            assertReady(cache, 0, 20);
            cache.release();
        }
    }

    @Test
    void aCompleteBlobIsSafeOnlyWhenItIsOnDiskAndSaysSo() throws IOException {
        AtomicInteger told = new AtomicInteger();
        try (BlobStore store = store(BOOT)) {
            BlobCache cache = store.acquire(chunks.blob, chunks.map);
            cache.onSafe(told::incrementAndGet);
            write(cache, 0, CHUNKS - 1);
            cache.sync();
            write(cache, CHUNKS - 1, CHUNKS);
            assertTrue(cache.isComplete() && !cache.isSafe());
            faults.syncFails = true;
            assertThrows(IOException.class, cache::sync);
            assertFalse(cache.isComplete() || cache.isSafe(), "the last chunk may be lost");
            faults.syncFails = false;
            write(cache, CHUNKS - 1, CHUNKS);
            assertEquals(0, told.get());
            cache.sync();
            assertTrue(cache.isSafe());
            assertEquals(1, told.get());
            cache.release();
        }
        try (BlobStore store = store(BOOT)) {
            assertTrue(store.acquire(chunks.blob, chunks.map).isSafe());
        }
    }

    @Test
    void oneCacheThatIsBeingClosedKeepsNoOtherWaiting() throws Exception {
        RandomChunks others = new RandomChunks(SEED + 1, 1, 1000);
        CountDownLatch syncing = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        try (BlobStore store = store(BOOT);
                ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            BlobCache cache = store.acquire(chunks.blob, chunks.map);
            BlobCache other = store.acquire(others.blob, others.map);
            write(cache, 0, 1);
            faults.beforeSync = () -> {
                syncing.countDown();
                goOn.await();
            };
            Future<?> closing = threads.submit(() -> {
                cache.release();
                return null;
            });
            syncing.await();
            faults.beforeSync = () -> {};
            Future<?> released = threads.submit(() -> {
                other.release();
                return null;
            });
            released.get(20, TimeUnit.SECONDS);
            Future<BlobCache> again = threads.submit(() -> store.acquire(chunks.blob, chunks.map));
            assertThrows(TimeoutException.class, () -> again.get(50, TimeUnit.MILLISECONDS), "of the same blob");
            goOn.countDown();
            closing.get(20, TimeUnit.SECONDS);
            assertReady(again.get(20, TimeUnit.SECONDS), 0, 1);
        }
    }

    @Test
    void aCacheIsClosedThoughItsDiskFailsAndNothingIsWrittenToItThen() throws IOException {
        try (BlobStore store = store(BOOT)) {
            BlobCache cache = store.acquire(chunks.blob, chunks.map);
            write(cache, 0, 1);
            faults.syncFails = true;
            assertThrows(IOException.class, cache::release);
            assertThrows(CacheWriteException.class, () -> write(cache, 1, 2));
            assertThrows(IOException.class, () -> cache.read(ByteBuffer.allocate(1), 0));
            cache.sync(); // as the syncer may, which was about to
            faults.syncFails = false;
            assertReady(store.acquire(chunks.blob, chunks.map), 0, 0);
        }
    }

    @Test
    void theSyncerSyncsByItself() throws Exception {
        BlobStore.Options options =
                BlobStore.Options.of(scratch.directory()).withOpener(faults).withSyncInterval(Duration.ofMillis(20));
        try (BlobStore store = BlobStore.open(options)) {
            BlobCache cache = store.acquire(chunks.blob, chunks.map);
            int before = faults.syncs.get();
            write(cache, 0, 1);
            for (int i = 0; i < 500 && faults.syncs.get() == before; i++) {
                Thread.sleep(10);
            }
            assertTrue(faults.syncs.get() > before);
            int after = faults.syncs.get();
            Thread.sleep(100);
            assertEquals(after, faults.syncs.get(), "no sync without a write");
            cache.release();
        }
    }

    @Test
    void aCacheIsClosedByItsLastUser() throws IOException {
        try (BlobStore store = store(BOOT)) {
            BlobCache cache = store.acquire(chunks.blob, chunks.map);
            assertSame(cache, store.acquire(chunks.blob, chunks.map));
            cache.release();
            write(cache, 0, 1);
            cache.release();
            assertThrows(IOException.class, () -> write(cache, 1, 2));
            assertThrows(IllegalStateException.class, cache::release);
            assertReady(store.acquire(chunks.blob, chunks.map), 0, 1);
        }
    }

    @Test
    void nothingButTheThreeFilesIsLeft() throws IOException {
        try (BlobStore store = store(BOOT)) {
            BlobCache cache = store.acquire(chunks.blob, chunks.map);
            write(cache, 0, CHUNKS);
            cache.release();
        }
        try (Stream<Path> files = Files.list(directory())) {
            assertEquals(
                    List.of("chunks", "data", "ready"),
                    files.map(file -> file.getFileName().toString()).sorted().toList());
        }
    }

    @Test
    void chunksThatShareABlockAreRefused() throws IOException {
        ChunkMap.Builder builder = ChunkMap.builder(DigestAlgorithm.SHA256, Codec.NONE, 8192);
        int frame = builder.addFrame(0, 100, 100);
        ChunkMap map = builder.addChunk(100, 100, new byte[32], frame, 0).build();
        try (BlobStore store = store(BOOT)) {
            assertThrows(CorruptImageException.class, () -> store.acquire(chunks.blob, map));
            assertFalse(Files.exists(directory()));
        }
    }

    @Test
    void aTmpfsIsRefusedWithTheReason() throws IOException {
        Path memory = Path.of("/dev/shm");
        Assumptions.assumeTrue(
                Files.isWritable(memory) && Files.getFileStore(memory).type().equals("tmpfs"), "no tmpfs here");
        Path root = Files.createTempDirectory(memory, "rafter-test");
        try {
            IOException refused = assertThrows(IOException.class, () -> BlobStore.open(BlobStore.Options.of(root)));
            assertTrue(refused.toString().contains("tmpfs"), refused::toString);
            assertTrue(refused.toString().contains("ext4, xfs or btrfs"), refused::toString);
        } finally {
            Files.deleteIfExists(root.resolve("blobs"));
            Files.delete(root);
        }
    }
}
