package dev.rafter.format.rafs;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.codec.LayerDecompressor;
import dev.rafter.format.ImageException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A sound bootstrap with a few random bytes changed: it is taken or refused, but never anything else. */
class MutatedBootstrapTest {
    private static final int ROUNDS = 3000;

    @Test
    @Timeout(60)
    void isTakenOrRefused() throws IOException {
        long seed = Long.getLong("test.seed", System.nanoTime());
        System.out.println("MutatedBootstrapTest: -Dtest.seed=" + seed);
        Random random = new Random(seed);
        byte[] sound = sound();
        MemorySegment mutated = RafsFixture.offHeap(sound);
        int refused = 0;
        for (int round = 0; round < ROUNDS; round++) {
            MemorySegment.copy(sound, 0, mutated, ValueLayout.JAVA_BYTE, 0, sound.length);
            mutate(mutated, random);
            try {
                RafsBootstrap bootstrap = RafsBootstrap.parse(mutated, "mutated");
                bootstrap.validate();
            } catch (ImageException _) {
                refused++;
            } catch (RuntimeException | StackOverflowError e) {
                throw new AssertionError("seed=" + seed + " round=" + round, e);
            }
        }
        assertTrue(refused > ROUNDS / 10, "only " + refused + " refused, seed=" + seed);
    }

    /** Mostly where the tables are: the bytes in use. */
    private static void mutate(MemorySegment bytes, Random random) {
        int changes = random.nextInt(1, 5);
        for (int i = 0; i < changes; i++) {
            long at = random.nextBoolean() ? 1024 + random.nextInt(600) : random.nextLong(bytes.byteSize());
            while (bytes.get(ValueLayout.JAVA_BYTE, at) == 0 && random.nextInt(20) != 0) {
                at = random.nextLong(bytes.byteSize());
            }
            byte value = random.nextBoolean() ? (byte) random.nextInt() : (byte) (random.nextBoolean() ? 0xFF : 0);
            bytes.set(ValueLayout.JAVA_BYTE, at, value);
        }
    }

    private static byte[] sound() throws IOException {
        var file = RafsFixture.shared().resolve("malformed/good-rafs6.boot.gz");
        try (InputStream in = LayerDecompressor.open(Files.newInputStream(file))) {
            return in.readAllBytes();
        }
    }
}
