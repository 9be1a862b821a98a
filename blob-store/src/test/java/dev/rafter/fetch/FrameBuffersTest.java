package dev.rafter.fetch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Never more memory than said, and nobody waits forever. */
@Timeout(60)
final class FrameBuffersTest {
    private static final long SEED = Long.getLong("test.seed", 20268);
    private static final long MAX = 4 << 20;

    @Test
    void manyTakersOfAllSizesStayWithinTheBoundAndApart() throws Exception {
        FrameBuffers buffers = new FrameBuffers(MAX);
        List<Future<?>> takers = new ArrayList<>();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int taker = 0; taker < 50; taker++) {
                byte mine = (byte) taker;
                Random random = new Random(SEED + taker);
                takers.add(threads.submit(() -> {
                    for (int i = 0; i < 40; i++) {
                        useOne(buffers, random, mine);
                    }
                    return null;
                }));
            }
            for (Future<?> taker : takers) {
                taker.get();
            }
        }
        buffers.close();
        assertEquals(0, buffers.allocatedBytes());
    }

    private static void useOne(FrameBuffers buffers, Random random, byte mine) throws InterruptedException {
        int stored = 1 + random.nextInt(1 << random.nextInt(8, 21));
        int decoded = 1 + random.nextInt(1 << random.nextInt(8, 21));
        try (FrameBuffers.Lease lease = buffers.lease(stored, decoded)) {
            assertTrue(buffers.allocatedBytes() <= MAX, () -> buffers.allocatedBytes() + " bytes, seed " + SEED);
            fill(lease.stored(stored), mine);
            fill(lease.decoded(decoded), (byte) ~mine);
            Thread.sleep(0, 100_000);
            assertAll(lease.stored(stored), stored, mine);
            assertAll(lease.decoded(decoded), decoded, (byte) ~mine);
        }
    }

    private static void fill(ByteBuffer bytes, byte value) {
        while (bytes.hasRemaining()) {
            bytes.put(value);
        }
    }

    private static void assertAll(ByteBuffer bytes, int size, byte value) {
        assertEquals(size, bytes.remaining());
        assertTrue(bytes.isDirect());
        while (bytes.hasRemaining()) {
            assertEquals(value, bytes.get());
        }
    }

    @Test
    void aFrameLargerThanTheBoundIsLetThroughAlone() throws Exception {
        FrameBuffers buffers = new FrameBuffers(MAX);
        FrameBuffers.Lease small = buffers.lease(10, 10);
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<FrameBuffers.Lease> large = threads.submit(() -> buffers.lease(16 << 20, 16 << 20));
            Thread.sleep(50);
            assertTrue(!large.isDone());
            small.close();
            large.get(10, TimeUnit.SECONDS).close();
        }
        assertTrue(buffers.allocatedBytes() <= MAX);
        assertThrows(IllegalArgumentException.class, () -> buffers.lease(Integer.MAX_VALUE, Integer.MAX_VALUE));
        buffers.close();
    }
}
