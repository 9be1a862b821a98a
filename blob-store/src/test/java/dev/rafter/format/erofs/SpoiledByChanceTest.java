package dev.rafter.format.erofs;

import dev.rafter.testkit.Bounded;
import dev.rafter.testkit.Fixtures;
import dev.rafter.testkit.RandomTree;
import dev.rafter.testkit.Seeds;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Sound images with a few bytes changed: read or refused, never anything else, within a second and 64 MB. */
@Timeout(300)
class SpoiledByChanceTest {
    private static final int FEW = 1500;
    private static final int MANY = 200_000;
    /** Offsets of the fields that most depends on: numbers there are exchanged more often than elsewhere. */
    private static final int HEAD = 2048;

    static Stream<byte[]> images() throws IOException {
        return Stream.of(
                Fixtures.bytes(Fixtures.root().resolve("malformed/good-plain.erofs.gz")),
                written(RandomTree.inline(1, 40, 255), ErofsOptions.builder()),
                written(
                        RandomTree.chunked(2, 40, 3, 512, 4096),
                        ErofsOptions.builder().blockBits(9)));
    }

    private static byte[] written(RandomTree tree, ErofsOptions.Builder options) throws IOException {
        ErofsOptions all = options.build();
        ErofsOptions withDevices = options.devices(ErofsWriterTest.devices(tree.devices(), all.blockBits()))
                .build();
        ErofsWriter writer = ErofsWriter.layOut(tree.root(), withDevices);
        byte[] bytes = new byte[Math.toIntExact(writer.size())];
        writer.write(MemorySegment.ofArray(bytes));
        return bytes;
    }

    @ParameterizedTest
    @MethodSource("images")
    void spoiledByChance(byte[] image) throws IOException {
        spoil(image, FEW, Seeds.seed("spoiledByChance", 1));
    }

    @Tag("slow")
    @ParameterizedTest
    @MethodSource("images")
    void spoiledByChanceManyTimes(byte[] image) throws IOException {
        spoil(image, MANY, Seeds.seed("spoiledByChanceManyTimes", System.nanoTime()));
    }

    private static void spoil(byte[] image, int times, long seed) throws IOException {
        Random random = new Random(seed);
        byte[] sound = withoutChecksum(image);
        for (int i = 0; i < times; i++) {
            byte[] spoiled = sound.clone();
            for (int changes = 1 + random.nextInt(3); changes > 0; changes--) {
                change(spoiled, random);
            }
            try {
                Bounded.run(() -> HostileReading.readAll(spoiled, Dialect.EROFS));
            } catch (RuntimeException | Error e) {
                throw new AssertionError("seed " + seed + ", image " + i, e);
            }
        }
    }

    /** Else every change near the superblock would only be found by its checksum. */
    private static byte[] withoutChecksum(byte[] image) {
        byte[] bytes = image.clone();
        int field = (int) ErofsLayout.SUPERBLOCK_OFFSET + ErofsLayout.SuperblockHeader.FEATURE_COMPAT;
        bytes[field] &= ~ErofsLayout.COMPAT_CHECKSUM;
        return bytes;
    }

    private static void change(byte[] bytes, Random random) {
        int at = random.nextInt(random.nextInt(4) == 0 ? HEAD : bytes.length);
        switch (random.nextInt(4)) {
            case 0 -> bytes[at] = (byte) random.nextInt();
            case 1 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
            case 2 -> {
                for (int i = at; i < Math.min(bytes.length, at + 4); i++) {
                    bytes[i] = (byte) 0xFF;
                }
            }
            default -> {
                int from = random.nextInt(bytes.length - 8);
                System.arraycopy(bytes, from, bytes, Math.min(at, bytes.length - 8), 8);
            }
        }
    }
}
