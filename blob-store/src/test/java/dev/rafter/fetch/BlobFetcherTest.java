package dev.rafter.fetch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.blob.BlobCache;
import dev.rafter.blob.BlobStore;
import dev.rafter.blob.DigestMismatchException;
import dev.rafter.format.CorruptImageException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Every byte that a demand lets through is right, is fetched once, and no failure lasts longer than its cause. */
@Timeout(60)
final class BlobFetcherTest {
    private static final long SEED = Long.getLong("test.seed", 20261);
    private static final Duration TIMEOUT = Duration.ofSeconds(3);

    private final TestBlob blob = new TestBlob(SEED, 200);
    private Path root;
    private BlobStore store;
    private BlobCache cache;
    private Fetching fetching;
    private BlobFetcher fetcher;

    /** Not @TempDir: that may be a tmpfs, which a store refuses. */
    @BeforeEach
    void open() throws IOException {
        root = Files.createTempDirectory(Path.of("target"), "fetch");
        store = BlobStore.open(BlobStore.Options.of(root));
        cache = store.acquire(blob.digest, blob.map);
        fetching = new Fetching(FetchOptions.DEFAULTS.withDemandTimeout(TIMEOUT));
        fetcher = fetching.fetcher(cache, blob);
    }

    @AfterEach
    void close() throws IOException {
        fetcher.close();
        cache.release();
        store.close();
        try (var files = Files.walk(root)) {
            for (Path file : files.sorted((a, b) -> b.compareTo(a)).toList()) {
                Files.delete(file);
            }
        }
        assertEquals(0, blob.open.get(), "requests left open");
    }

    @Test
    void manyReadersOfRandomRangesSeeTheRightBytesAndNothingIsFetchedTwice() throws Exception {
        blob.fault = (_, _, request) -> sleep(request % 3);
        List<Future<?>> readers = new ArrayList<>();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int reader = 0; reader < 200; reader++) {
                Random random = new Random(SEED + reader);
                readers.add(threads.submit(() -> {
                    for (int i = 0; i < 20; i++) {
                        int offset = random.nextInt(usedBytes() - 1);
                        demandAndCompare(offset, 1 + random.nextInt(Math.min(200_000, usedBytes() - offset)));
                    }
                    return null;
                }));
            }
            for (Future<?> reader : readers) {
                reader.get();
            }
        }
        for (int i = 0; i < blob.requests.size(); i++) {
            for (int j = i + 1; j < blob.requests.size(); j++) {
                assertFalse(
                        blob.requests.get(i).overlaps(blob.requests.get(j)),
                        "fetched twice: " + blob.requests.get(i) + " and " + blob.requests.get(j));
            }
        }
        assertEquals(
                fetching.stats().fetchedBytes(),
                blob.requests.stream().mapToLong(TestBlob.Range::length).sum());
    }

    @Test
    void aReaderIsAnsweredAsSoonAsItsChunkIsThere() throws Exception {
        CountDownLatch answered = new CountDownLatch(1);
        int second = blob.map.frameStoredSizeBytes(0) + blob.map.frameStoredSizeBytes(1);
        blob.fault = (offset, _, _) -> {
            if (offset > second) {
                await(answered);
            }
        };
        fetcher.demand(0, 1);
        answered.countDown();
        assertEquals(1, blob.requests.size());
        assertTrue(blob.requests.getFirst().length() > second, "more than the chunk was asked for");
    }

    @Test
    void wrongBytesAreAskedForOnceMoreAndNeverCached() throws Exception {
        blob.fault = (_, bytes, request) -> spoil(bytes, request == 1);
        demandAndCompare(0, 1);
        assertTrue(fetching.stats().corruptChunks() > 0);

        blob.fault = (_, bytes, _) -> spoil(bytes, true);
        long last = blob.map.deviceOffset(199);
        IOException refused = assertThrows(IOException.class, () -> fetcher.demand(last, 1));
        assertTrue(
                refused instanceof DigestMismatchException || refused instanceof CorruptImageException,
                refused::toString);
        assertTrue(refused.toString().contains(blob.digest.toString()), refused::toString);
        assertFalse(cache.isReady(last, 1));
        int requests = blob.requests.size();
        IOException again = assertThrows(IOException.class, () -> fetcher.demand(last, 1));
        assertEquals(refused.getMessage(), again.getMessage());
        assertEquals(requests, blob.requests.size(), "not asked for again at once");
        blob.fault = (_, _, _) -> {};
        sleep(1100);
        demandAndCompare((int) last, 1);
    }

    @Test
    void aChunkThatWasRefusedIsNotAskedForAgainThoughItsRequestGoesOn() throws Exception {
        int end = blob.map.frameStoredSizeBytes(0);
        CountDownLatch rest = new CountDownLatch(1);
        blob.fault = (offset, bytes, _) -> {
            if (offset < end) {
                spoil(bytes, true);
            } else {
                await(rest);
            }
        };
        IOException refused = assertThrows(IOException.class, () -> fetcher.demand(0, 1));
        IOException again = assertThrows(IOException.class, () -> fetcher.demand(0, 1));
        assertEquals(refused.getMessage(), again.getMessage());
        assertEquals(2, blob.requests.size(), "the first, and once more");
        rest.countDown();
    }

    @Test
    void aFillIsPoliteToDemandButNotToItsOwnHarm() throws Exception {
        CountDownLatch answer = new CountDownLatch(1);
        int farAway = (int) blob.map.frameOffset(150);
        blob.fault = (offset, _, _) -> {
            if (offset >= farAway) {
                await(answer);
            }
        };
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<?> stalled = threads.submit(() -> {
                fetcher.demand(blob.map.deviceOffset(150), 1);
                return null;
            });
            while (blob.requests.isEmpty()) {
                sleep(1);
            }
            fetcher.fillInBackground();
            long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(15);
            while (!cache.isReady(blob.map.deviceOffset(100), 1) && System.nanoTime() < until) {
                sleep(10);
            }
            assertTrue(cache.isReady(blob.map.deviceOffset(100), 1), "a pause of half a second for every frame");
            assertFalse(cache.isReady(blob.map.deviceOffset(150), 1));
            stalled.cancel(true);
            answer.countDown();
        }
    }

    @Test
    void oneWrongChunkFailsAlone() throws Exception {
        int bad = 1;
        long start = blob.map.frameOffset(bad);
        long end = start + blob.map.frameStoredSizeBytes(bad);
        blob.fault = (offset, bytes, _) -> {
            for (int i = 0; i < bytes.limit(); i++) {
                if (offset + i >= start && offset + i < end) {
                    bytes.put(i, (byte) ~bytes.get(i));
                }
            }
        };
        assertThrows(IOException.class, () -> fetcher.demand(blob.map.deviceOffset(bad), 1));
        demandAndCompare(0, 1);
        demandAndCompare((int) blob.map.deviceOffset(2), 1);
    }

    @Test
    void aSourceThatIsGoneIsAnErrorByTheDeadlineAndRecoversByItself() throws Exception {
        AtomicBoolean gone = new AtomicBoolean(true);
        blob.fault = (_, _, _) -> {
            if (gone.get()) {
                throw new IOException("connection refused");
            }
        };
        long start = System.nanoTime();
        IOException late = assertThrows(IOException.class, () -> fetcher.demand(0, 1));
        long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
        assertTrue(millis < TIMEOUT.toMillis() + 10_000, millis + " ms");
        assertTrue(late.toString().contains("connection refused"), late::toString);

        sleep(1500); // who asks again at once is told the same
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<?> waiting = threads.submit(() -> {
                demandAndCompare(0, 1);
                return null;
            });
            Thread.sleep(300);
            gone.set(false);
            waiting.get(10, TimeUnit.SECONDS);
        }
    }

    @Test
    void aStormOfReadersIsNoStormOfRequestsAndEndsSoonAfterItsCause() throws Exception {
        AtomicBoolean gone = new AtomicBoolean(true);
        blob.opening = () -> {
            if (gone.get()) {
                throw new IOException("connection refused");
            }
        };
        List<Future<?>> readers = new ArrayList<>();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int chunk = 0; chunk < 200; chunk++) {
                int offset = (int) blob.map.deviceOffset(chunk);
                readers.add(threads.submit(() -> {
                    demandAndCompare(offset, 1);
                    return null;
                }));
            }
            Thread.sleep(1500);
            int requests = blob.requests.size();
            gone.set(false);
            long back = System.nanoTime();
            for (Future<?> reader : readers) {
                reader.get(20, TimeUnit.SECONDS);
            }
            long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - back);
            assertTrue(millis < 10_000, millis + " ms to recover");
            assertTrue(requests < 60, requests + " requests to a dead source");
        }
    }

    @Test
    void closingDoesNotWaitForASourceThatDoesNotAnswer() throws Exception {
        CountDownLatch never = new CountDownLatch(1);
        CountDownLatch asked = new CountDownLatch(1);
        blob.opening = () -> {
            asked.countDown();
            await(never);
        };
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<?> reader = threads.submit(() -> {
                fetcher.demand(0, 1);
                return null;
            });
            assertTrue(asked.await(10, TimeUnit.SECONDS));
            long start = System.nanoTime();
            fetcher.close();
            long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
            assertTrue(millis < 10_000, millis + " ms to close");
            assertThrows(ExecutionException.class, () -> reader.get(10, TimeUnit.SECONDS));
        }
    }

    @Test
    void aFillMakesWayForDemand() throws Exception {
        CountDownLatch filling = new CountDownLatch(1);
        int farAway = (int) blob.map.deviceOffset(150);
        blob.fault = (_, _, request) -> {
            if (request == 1) {
                filling.countDown();
                sleep(5);
            }
        };
        fetcher.fillInBackground();
        assertTrue(filling.await(10, TimeUnit.SECONDS));
        demandAndCompare(farAway, 1);
        assertFalse(cache.isComplete(), "the demand did not wait for the fill");
    }

    @Test
    void outsideTheDeviceIsAnError() throws Exception {
        assertThrows(IOException.class, () -> fetcher.demand(-1, 1));
        assertThrows(IOException.class, () -> fetcher.demand(0, 0));
        assertThrows(IOException.class, () -> fetcher.demand(cache.sizeBytes(), 1));
        fetcher.demand(cache.sizeBytes() - 1, Long.MAX_VALUE);
        assertEquals(0, blob.requests.size(), "the end of this device is padding");
    }

    @Test
    void aStalledSourceDoesNotHoldAReaderBeyondItsDeadline() {
        CountDownLatch never = new CountDownLatch(1);
        blob.fault = (_, _, _) -> await(never);
        long start = System.nanoTime();
        assertThrows(FetchTimeoutException.class, () -> fetcher.demand(0, 1));
        long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
        assertTrue(millis >= TIMEOUT.toMillis() && millis < TIMEOUT.toMillis() + 10_000, millis + " ms");
        never.countDown();
    }

    /** A readahead of several extents is several demands, and comes back as a read of one page when it was denied. */
    @Test
    void whoAsksAgainAfterTheDeadlineIsToldAtOnceAndSoonHelpedAgain() throws Exception {
        CountDownLatch never = new CountDownLatch(1);
        blob.fault = (_, _, _) -> await(never);
        assertThrows(FetchTimeoutException.class, () -> fetcher.demand(0, 100_000));
        long start = System.nanoTime();
        assertThrows(FetchTimeoutException.class, () -> fetcher.demand(blob.map.deviceOffset(100), 4096));
        assertThrows(FetchTimeoutException.class, () -> fetcher.demand(4096, 4096));
        long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
        assertTrue(millis < TIMEOUT.toMillis() / 2, millis + " ms");
        blob.fault = (_, _, _) -> {};
        never.countDown();
        for (int i = 0; i < 2_000 && !cache.isReady(0, 100_000); i++) {
            sleep(1);
        }
        demandAndCompare((int) blob.map.deviceOffset(190), 1); // at once, since something has come
    }

    @Test
    void aSourceThatDoesNotAnswerDoesNotHaveAllTheMemory() throws Exception {
        Fetching small = new Fetching(new FetchOptions(TIMEOUT.multipliedBy(3), 16, 512 << 10));
        TestBlob stalled = new TestBlob(SEED + 1, 200, "stalled");
        CountDownLatch never = new CountDownLatch(1);
        stalled.fault = (_, _, _) -> await(never);
        BlobCache other = store.acquire(stalled.digest, stalled.map);
        try (BlobFetcher waiting = small.fetcher(other, stalled);
                BlobFetcher served = small.fetcher(cache, blob);
                ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int chunk = 0; chunk < 200; chunk += 33) {
                long offset = stalled.map.deviceOffset(chunk);
                Future<?> _ = threads.submit(() -> {
                    waiting.demand(offset, 1);
                    return null;
                });
            }
            while (stalled.open.get() < 5) {
                sleep(1);
            }
            long start = System.nanoTime();
            for (int chunk = 0; chunk < 200; chunk += 20) {
                served.demand(blob.map.deviceOffset(chunk), 1);
            }
            long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
            assertTrue(millis < TIMEOUT.toMillis(), millis + " ms");
            never.countDown();
        }
        other.release();
    }

    @Test
    void theBackgroundFillGoesOnBehindAChunkThatIsWrong() throws Exception {
        long bad = blob.map.frameOffset(1);
        blob.fault = (offset, bytes, _) -> spoil(bytes, offset <= bad && bad < offset + bytes.limit());
        fetcher.fillInBackground();
        for (int i = 0; i < 2_000 && cache.missingChunks() > 1; i++) {
            sleep(10);
        }
        assertEquals(1, cache.missingChunks());
        int requests = blob.requests.size();
        sleep(500);
        assertEquals(requests, blob.requests.size(), "what is wrong is not asked for all the time");
        blob.fault = (_, _, _) -> {};
        fetcher.fillInBackground();
        for (int i = 0; i < 2_000 && !cache.isComplete(); i++) {
            sleep(10);
        }
        demandAndCompare(0, usedBytes());
    }

    @Test
    void readingOnIsFetchedAheadBeforeAnybodyWaits() throws Exception {
        for (int chunk = 0; chunk < 200; chunk++) {
            int offset = (int) blob.map.deviceOffset(chunk);
            if (!fetcher.isReady(offset, blob.map.sizeBytes(chunk))) {
                demandAndCompare(offset, blob.map.sizeBytes(chunk));
            }
            sleep(1);
        }
        assertTrue(fetching.stats().prefetches() > 2, () -> fetching.stats().prefetches() + " prefetches");
        assertTrue(blob.requests.size() < 40, () -> blob.requests.size() + " requests for 200 chunks");
    }

    @Test
    void whatIsMissingBeforeAReadComesWithItUpToWhatIsThere() throws Exception {
        demandAndCompare(0, 1);
        TestBlob.Range window = blob.requests.getFirst();
        int first = 0;
        while (blob.map.frameOffset(first) < window.offset() + window.length()) {
            first++;
        }
        int wanted = first + 8;
        demandAndCompare((int) blob.map.deviceOffset(wanted), 1);
        TestBlob.Range last = blob.requests.getLast();
        assertEquals(blob.map.frameOffset(first), last.offset(), "from what was fetched before");
        assertTrue(last.offset() + last.length() > blob.map.frameOffset(wanted));
        demandAndCompare((int) blob.map.deviceOffset(190), 1);
        assertEquals(blob.map.frameOffset(190), blob.requests.getLast().offset(), "a gap as large as this one stays");
    }

    @Test
    void theBackgroundFillCompletesTheBlob() throws Exception {
        blob.fault = (_, _, request) -> {
            if (request == 2) {
                throw new IOException("once");
            }
        };
        fetcher.fillInBackground();
        for (int i = 0; i < 2_000 && !cache.isComplete(); i++) {
            sleep(10);
        }
        assertTrue(cache.isComplete());
        demandAndCompare(0, usedBytes());
    }

    private int usedBytes() {
        return (int) (blob.map.deviceOffset(199) + blob.map.sizeBytes(199));
    }

    private void demandAndCompare(int offset, int length) throws IOException {
        fetcher.demand(offset, length);
        for (int chunk = blob.map.firstChunkEndingAfter(offset);
                chunk < 200 && blob.map.deviceOffset(chunk) < offset + length;
                chunk++) {
            int from = (int) blob.map.deviceOffset(chunk);
            ByteBuffer bytes = ByteBuffer.allocateDirect(blob.map.sizeBytes(chunk));
            cache.read(bytes, from);
            byte[] actual = new byte[bytes.flip().remaining()];
            bytes.get(actual);
            assertArrayEquals(
                    Arrays.copyOfRange(blob.device, from, from + actual.length),
                    actual,
                    "chunk " + chunk + ", seed " + SEED);
        }
    }

    private static void spoil(ByteBuffer bytes, boolean really) {
        for (int i = 0; really && i < bytes.limit(); i++) {
            bytes.put(i, (byte) ~bytes.get(i));
        }
    }

    private static void sleep(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }

    private static void await(CountDownLatch latch) throws IOException {
        try {
            if (!latch.await(20, TimeUnit.SECONDS)) {
                throw new IOException("nobody opened the latch");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(e);
        }
    }
}
