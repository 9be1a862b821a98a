package dev.rafter.blob;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** One at a time for each key, and nothing stays of keys that nobody uses. */
@Timeout(60)
final class KeyedLocksTest {
    private final KeyedLocks<Integer> locks = new KeyedLocks<>();

    @Test
    void whoHasAKeyIsAloneAndNoKeyStays() throws Exception {
        int[] counts = new int[3];
        List<Future<?>> all = new ArrayList<>();
        try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
            for (int i = 0; i < 30_000; i++) {
                int key = i % counts.length;
                all.add(threads.submit(() -> {
                    try (var _ = locks.lock(key);
                            var _ = locks.lock(key)) {
                        counts[key]++;
                    }
                }));
            }
            for (Future<?> one : all) {
                one.get();
            }
        }
        assertEquals(List.of(10_000, 10_000, 10_000), List.of(counts[0], counts[1], counts[2]));
        assertEquals(0, locks.size());
    }
}
