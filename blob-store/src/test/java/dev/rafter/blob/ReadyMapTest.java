package dev.rafter.blob;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.BitSet;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What is not certainly ready is never said to be; see {@link ReadyMapFormat}. */
@Timeout(60)
final class ReadyMapTest {
    private static final long SEED = Long.getLong("test.seed", 20262);
    private static final int BLOCK = 4096;
    private static final int BLOCKS = 9000;
    private static final long SIZE = (long) BLOCKS * BLOCK;
    private static final UUID BOOT = new UUID(1, 1);
    private static final UUID NEXT_BOOT = new UUID(1, 2);

    private Scratch scratch;
    private Path file;

    @BeforeEach
    void open() throws IOException {
        scratch = new Scratch();
        file = scratch.directory().resolve("ready");
    }

    @AfterEach
    void close() throws IOException {
        scratch.close();
    }

    private ReadyMap map(UUID boot) throws IOException {
        return ReadyMap.open(file, SIZE, BLOCK, boot);
    }

    private static void set(ReadyMap map, long offset, long length) throws IOException {
        map.reserve(offset, length);
        map.setReady(offset, length);
    }

    private static void sync(ReadyMap map) throws IOException {
        map.writeSynced(map.snapshotDirty());
    }

    private static BitSet bits(ReadyMap map) {
        BitSet bits = new BitSet();
        for (int block = 0; block < BLOCKS; block++) {
            bits.set(block, map.isReady((long) block * BLOCK, BLOCK));
        }
        return bits;
    }

    @Test
    void rangesAreReadyExactlyWhenEveryBlockIs() throws IOException {
        Random random = new Random(SEED);
        BitSet expected = new BitSet();
        try (ReadyMap map = map(BOOT)) {
            for (int i = 0; i < 150; i++) {
                int first = random.nextInt(BLOCKS);
                int end = Math.min(BLOCKS, first + 1 + random.nextInt(200));
                set(map, (long) first * BLOCK, (long) (end - first) * BLOCK - random.nextInt(BLOCK));
                expected.set(first, end);
            }
            assertEquals(expected, bits(map), "seed " + SEED);
            for (int i = 0; i < 20_000; i++) {
                long offset = random.nextLong(SIZE - 1);
                long length = 1 + random.nextLong(Math.min(SIZE - offset, 300L * BLOCK));
                int first = (int) (offset / BLOCK);
                int last = (int) ((offset + length - 1) / BLOCK);
                assertEquals(
                        expected.nextClearBit(first) > last,
                        map.isReady(offset, length),
                        "offset " + offset + ", length " + length + ", seed " + SEED);
            }
        }
    }

    @Test
    void aDeadDaemonLosesNothingAnotherBootWhatWasNotSynced() throws IOException {
        BitSet synced;
        BitSet live;
        try (ReadyMap map = map(BOOT)) {
            set(map, 0, 100L * BLOCK);
            set(map, 5000L * BLOCK, 70L * BLOCK);
            sync(map);
            synced = bits(map);
            set(map, 200L * BLOCK, BLOCK);
            set(map, 8000L * BLOCK, 1000L * BLOCK);
            live = bits(map);
        }
        try (ReadyMap map = map(BOOT)) {
            assertEquals(live, bits(map));
        }
        try (ReadyMap map = map(NEXT_BOOT)) {
            assertEquals(synced, bits(map));
        }
        try (ReadyMap map = map(BOOT)) {
            assertEquals(synced, bits(map), "what was dropped once stays dropped");
        }
    }

    @Test
    void whatADeadDaemonLeftUnsyncedIsSyncedByTheNext() throws IOException {
        try (ReadyMap map = map(BOOT)) {
            set(map, 0, 100L * BLOCK);
        }
        BitSet all;
        try (ReadyMap map = map(BOOT)) {
            all = bits(map);
            ReadyMap.Snapshot snapshot = map.snapshotDirty();
            assertFalse(snapshot.isEmpty());
            map.writeSynced(snapshot);
        }
        try (ReadyMap map = map(NEXT_BOOT)) {
            assertEquals(all, bits(map));
        }
    }

    @Test
    void aSnapshotHoldsNothingThatCameAfterIt() throws IOException {
        BitSet before;
        try (ReadyMap map = map(BOOT)) {
            set(map, 0, 3L * BLOCK);
            before = bits(map);
            ReadyMap.Snapshot snapshot = map.snapshotDirty();
            set(map, 3L * BLOCK, 3L * BLOCK);
            map.writeSynced(snapshot);
        }
        try (ReadyMap map = map(NEXT_BOOT)) {
            assertEquals(before, bits(map));
        }
    }

    @Test
    void aFailedSyncTakesBackWhatItMayHaveLost() throws IOException {
        try (ReadyMap map = map(BOOT)) {
            set(map, 0, 10L * BLOCK);
            sync(map);
            BitSet synced = bits(map);
            set(map, 10L * BLOCK, 10L * BLOCK);
            map.dropUnsynced(map.snapshotDirty());
            assertEquals(synced, bits(map));
        }
    }

    @Test
    void aFailedSyncTakesBackAllWhereItCannotReadWhatWasSynced() throws IOException {
        try (ReadyMap map = map(BOOT)) {
            set(map, 0, 10L * BLOCK);
            sync(map);
            set(map, 10L * BLOCK, 10L * BLOCK);
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                channel.truncate(channel.size() - 3L * ReadyMapFormat.SECTOR_SIZE_BYTES);
            }
            map.dropUnsynced(map.snapshotDirty());
            assertEquals(new BitSet(), bits(map));
        }
    }

    @Test
    void aTruncatedOrLongerFileIsAnEmptyMap() throws IOException {
        for (long cut : new long[] {0, 1, 100, 4095, 4096, 5000, -512, -1, 1}) {
            writeSome();
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                if (cut == 1) {
                    channel.write(ByteBuffer.allocate(1), channel.size());
                } else {
                    channel.truncate(cut < 0 ? channel.size() + cut : cut);
                }
            }
            assertNothingReady("cut " + cut);
        }
    }

    @Test
    void garbageIsAnEmptyMap() throws IOException {
        Random random = new Random(SEED);
        writeSome();
        byte[] garbage = new byte[(int) Files.size(file)];
        random.nextBytes(garbage);
        Files.write(file, garbage);
        assertNothingReady("garbage, seed " + SEED);
    }

    @Test
    void anyFlippedBitOfTheHeaderMakesAnEmptyMap() throws IOException {
        writeSome();
        byte[] good = Files.readAllBytes(file);
        for (int bit = 0; bit < 8 * (ReadyMapFormat.CRC_OFFSET + 4); bit++) {
            byte[] bad = good.clone();
            bad[bit / 8] ^= (byte) (1 << bit % 8);
            Files.write(file, bad);
            assertNothingReady("bit " + bit);
        }
    }

    @Test
    void aTornSyncedSectorIsDroppedAloneAndNeverBelieved() throws IOException {
        Random random = new Random(SEED);
        BitSet before = writeSome();
        byte[] good = Files.readAllBytes(file);
        long words = ReadyMapFormat.wordCount(SIZE, BLOCK);
        for (int i = 0; i < 50; i++) {
            byte[] bad = good.clone();
            int sector = random.nextInt((int) ReadyMapFormat.sectorCount(words));
            int at = (int) ReadyMapFormat.sectorOffset(words, sector) + random.nextInt(500);
            bad[at] ^= (byte) (1 << random.nextInt(8));
            Files.write(file, bad);
            BitSet expected = (BitSet) before.clone();
            int blocksPerSector = 64 * ReadyMapFormat.WORDS_PER_SECTOR;
            expected.clear(sector * blocksPerSector, (sector + 1) * blocksPerSector);
            try (ReadyMap map = map(NEXT_BOOT)) {
                assertEquals(expected, bits(map), "sector " + sector + ", seed " + SEED);
            }
        }
    }

    @Test
    void aSectorInTheWrongPlaceIsNotBelieved() throws IOException {
        BitSet before = writeSome();
        byte[] bad = Files.readAllBytes(file);
        long words = ReadyMapFormat.wordCount(SIZE, BLOCK);
        int first = (int) ReadyMapFormat.sectorOffset(words, 0);
        System.arraycopy(bad, first, bad, first + 512, 512);
        Files.write(file, bad);
        before.clear(64 * ReadyMapFormat.WORDS_PER_SECTOR, 2 * 64 * ReadyMapFormat.WORDS_PER_SECTOR);
        try (ReadyMap map = map(NEXT_BOOT)) {
            assertEquals(before, bits(map));
        }
    }

    private BitSet writeSome() throws IOException {
        Files.deleteIfExists(file);
        try (ReadyMap map = map(BOOT)) {
            for (int block = 0; block < BLOCKS - 20; block += 37) {
                set(map, (long) block * BLOCK, 20L * BLOCK);
            }
            sync(map);
            return bits(map);
        }
    }

    private void assertNothingReady(String what) throws IOException {
        try (ReadyMap map = map(BOOT)) {
            assertTrue(bits(map).isEmpty(), what);
        }
    }

    @Test
    void aMapOfAnotherDeviceOrBlockSizeIsEmpty() throws IOException {
        writeSome();
        try (ReadyMap map = ReadyMap.open(file, SIZE - BLOCK, BLOCK, BOOT)) {
            assertFalse(map.isReady(0, BLOCK));
        }
        writeSome();
        try (ReadyMap map = ReadyMap.open(file, SIZE / 8, 512, BOOT)) {
            assertFalse(map.isReady(0, 512));
        }
    }

    @Test
    void askingAllocatesNothing() throws IOException {
        com.sun.management.ThreadMXBean threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (ReadyMap map = map(BOOT)) {
            set(map, 0, 1000L * BLOCK);
            long ready = ask(map, 300_000);
            long before = threads.getCurrentThreadAllocatedBytes();
            ready += ask(map, 100_000);
            long allocated = threads.getCurrentThreadAllocatedBytes() - before;
            assertTrue(ready > 0);
            assertTrue(allocated < 100_000, allocated + " bytes for 100,000 questions");
        }
    }

    private static long ask(ReadyMap map, int times) {
        long ready = 0;
        for (int i = 0; i < times; i++) {
            ready += map.isReady((long) (i % 2000) * BLOCK, 32L * BLOCK) ? 1 : 0;
        }
        return ready;
    }

    @Test
    void whoSeesABlockReadySeesWhatWasWrittenBefore() throws Exception {
        long[] content = new long[BLOCKS];
        AtomicLong wrong = new AtomicLong();
        AtomicBoolean stop = new AtomicBoolean();
        try (ReadyMap map = map(BOOT)) {
            map.reserve(0, SIZE);
            Thread reader = Thread.ofPlatform().start(() -> {
                while (!stop.get()) {
                    for (int block = 0; block < BLOCKS; block++) {
                        if (map.isReady((long) block * BLOCK, BLOCK) && content[block] != block + 1) {
                            wrong.incrementAndGet();
                        }
                    }
                }
            });
            for (int block = 0; block < BLOCKS; block++) {
                content[block] = block + 1L;
                map.setReady((long) block * BLOCK, BLOCK);
            }
            stop.set(true);
            reader.join();
        }
        assertEquals(0, wrong.get());
    }

    @Test
    void aDeviceOfTheLargestSizeTakesLittleTime() throws IOException {
        long size = 1L << 44;
        long start = System.nanoTime();
        try (ReadyMap map = ReadyMap.open(file, size, BLOCK, BOOT)) {
            set(map, size - BLOCK, BLOCK);
            assertTrue(map.isReady(size - BLOCK, BLOCK));
            assertFalse(map.isReady(size - 2L * BLOCK, BLOCK));
        }
        assertTrue(System.nanoTime() - start < 10_000_000_000L, "took over 10 s");
    }

    @Test
    void whoAsksAClosedMapIsToldNothingIsReady() throws IOException {
        ReadyMap map = map(BOOT);
        set(map, 0, BLOCK);
        map.close();
        assertFalse(map.isReady(0, BLOCK));
    }
}
