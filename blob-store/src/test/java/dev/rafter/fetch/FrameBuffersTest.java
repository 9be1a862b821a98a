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
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Never more memory than said, and nobody waits forever. */
@Timeout(60)
final class FrameBuffersTest {
    private static final long SEED = Long.getLong("test.seed", 20268);
    private static final long MAX = 4 << 20;

    private record Claim(String host, boolean isDemand) implements FrameBuffers.Claimant {
        static Claim demand(String host) {
            return new Claim(host, true);
        }
    }

    private final FrameBuffers buffers = FrameBuffers.forReceiving(MAX);

    @Test
    void manyTakersOfAllSizesStayWithinTheBoundAndApart() throws Exception {
        List<Future<?>> takers = new ArrayList<>();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int taker = 0; taker < 50; taker++) {
                byte mine = (byte) taker;
                Random random = new Random(SEED + taker);
                Claim claim = new Claim("host " + taker % 5, taker % 3 > 0);
                takers.add(threads.submit(() -> {
                    for (int i = 0; i < 40; i++) {
                        useOne(claim, random, mine);
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

    private void useOne(Claim claim, Random random, byte mine) throws InterruptedException {
        int size = 1 + random.nextInt(1 << random.nextInt(8, 22));
        try (FrameBuffers.Lease lease = buffers.lease(claim, size)) {
            assertTrue(buffers.allocatedBytes() <= MAX, () -> buffers.allocatedBytes() + " bytes, seed " + SEED);
            fill(lease.bytes(size), mine);
            Thread.sleep(0, 100_000);
            assertAll(lease.bytes(size), size, mine);
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

    private static void assertWaits(Future<?> future) {
        assertThrows(TimeoutException.class, () -> future.get(50, TimeUnit.MILLISECONDS));
    }

    @Test
    void aHostThatTakesAllItCanLeavesRoomForOthers() throws Exception {
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            buffers.lease(Claim.demand("slow"), 1 << 20);
            buffers.lease(Claim.demand("slow"), 1 << 20);
            Future<?> waiting = threads.submit(() -> buffers.lease(Claim.demand("slow"), 1 << 20));
            assertWaits(waiting);
            buffers.lease(Claim.demand("other"), 1 << 20);
            Future<?> second = threads.submit(() -> buffers.lease(Claim.demand("other"), 1 << 20));
            assertWaits(second);
            buffers.lease(Claim.demand("third"), 1 << 20).close();
            waiting.cancel(true);
            second.cancel(true);
        }
    }

    @Test
    void demandGoesFirstAndWhatNobodyWaitsForTakesAQuarter() throws Exception {
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            buffers.lease(new Claim("a", false), 1 << 20);
            Future<FrameBuffers.Lease> fill = threads.submit(() -> buffers.lease(new Claim("b", false), 1 << 20));
            assertWaits(fill);
            buffers.lease(Claim.demand("b"), 1 << 20).close();
            assertWaits(fill);
            fill.cancel(true);
        }
    }

    @Test
    void nobodyWhoAsksForLessOvertakesAndWhoWasInterruptedHoldsUpNobody() throws Exception {
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            FrameBuffers.Lease held = buffers.lease(Claim.demand("a"), 2 << 20);
            Future<FrameBuffers.Lease> large = threads.submit(() -> buffers.lease(Claim.demand("b"), 4 << 20));
            assertWaits(large);
            Future<FrameBuffers.Lease> small = threads.submit(() -> buffers.lease(Claim.demand("c"), 10));
            assertWaits(small);
            large.cancel(true);
            small.get(10, TimeUnit.SECONDS).close();
            held.close();
        }
    }

    @Test
    void aFrameLargerThanTheBoundIsLetThroughAlone() throws Exception {
        FrameBuffers.Lease small = buffers.lease(Claim.demand("a"), 10);
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<FrameBuffers.Lease> large = threads.submit(() -> buffers.lease(new Claim("b", false), 32 << 20));
            assertWaits(large);
            small.close();
            large.get(10, TimeUnit.SECONDS).close();
        }
        assertTrue(buffers.allocatedBytes() <= MAX);
        assertThrows(IllegalArgumentException.class, () -> buffers.lease(Claim.demand("a"), Integer.MAX_VALUE));
        buffers.close();
    }
}
