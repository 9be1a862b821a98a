package dev.rafter.fetch;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

final class MarksTest {
    private static final long SEED = Long.getLong("test.seed", 20269);
    private static final int BLOCK = 4096;

    @Test
    void theFirstMarkOfARangeIsFound() {
        Random random = new Random(SEED);
        int blocks = 200_000;
        Marks marks = new Marks((long) blocks * BLOCK, 12);
        TreeSet<Long> expected = new TreeSet<>();
        for (int i = 0; i < 20_000; i++) {
            long block = random.nextInt(blocks);
            if (random.nextInt(3) == 0) {
                marks.clear(block * BLOCK);
                expected.remove(block);
            } else if (random.nextInt(50) == 0) {
                marks.set(block * BLOCK + random.nextInt(BLOCK));
                expected.add(block);
            }
            long first = random.nextInt(blocks);
            long end = first + 1 + random.nextInt((int) Math.min(blocks - first, 1 << random.nextInt(1, 17)));
            Long found = expected.ceiling(first);
            assertEquals(
                    found == null || found >= end ? -1 : found * BLOCK,
                    marks.first(first * BLOCK, (end - first) * BLOCK),
                    "seed " + SEED);
        }
    }

    @Test
    void theLargestDeviceTakesLittleMemory() {
        Marks marks = new Marks(1L << 44, 12);
        long last = (1L << 44) - BLOCK;
        assertEquals(-1, marks.first(0, 1L << 44));
        marks.set(last);
        assertEquals(last, marks.first(0, 1L << 44));
        marks.clear(last);
        assertEquals(-1, marks.first(0, 1L << 44));
    }
}
