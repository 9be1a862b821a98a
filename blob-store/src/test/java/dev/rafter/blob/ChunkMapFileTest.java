package dev.rafter.blob;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.codec.Codec;
import dev.rafter.digest.DigestAlgorithm;
import dev.rafter.format.CorruptImageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A chunk map comes back as it was, or not at all. */
@Timeout(60)
final class ChunkMapFileTest {
    private static final long SEED = Long.getLong("test.seed", 20263);

    private Scratch scratch;
    private Path file;

    @BeforeEach
    void open() throws IOException {
        scratch = new Scratch();
        file = scratch.directory().resolve("chunks");
    }

    @AfterEach
    void close() throws IOException {
        scratch.close();
    }

    @Test
    void mapsOfAllSizesComeBack() throws IOException {
        for (int chunks : new int[] {1, 2, 1023, 1024, 1025, 5000}) {
            ChunkMap map = new RandomChunks(SEED, chunks, 9000).map;
            ChunkMapFile.write(file, map);
            assertSame(map, ChunkMapFile.read(file));
        }
        ChunkMap empty =
                ChunkMap.builder(DigestAlgorithm.BLAKE3, Codec.LZ4_BLOCK, 4096).build();
        ChunkMapFile.write(file, empty);
        assertSame(empty, ChunkMapFile.read(file));
    }

    @Test
    void framesOfSeveralChunksComeBack() throws IOException {
        ChunkMap.Builder builder = ChunkMap.builder(DigestAlgorithm.BLAKE3, Codec.ZSTD, 1 << 20);
        int frame = builder.addFrame(1L << 39, 3000, 20_000);
        for (int i = 0; i < 4; i++) {
            byte[] digest = new byte[32];
            Arrays.fill(digest, (byte) i);
            builder.addChunk(4096L * (2 * i + 1), 5000, digest, frame, 5000 * i);
        }
        ChunkMap map = builder.build();
        ChunkMapFile.write(file, map);
        assertSame(map, ChunkMapFile.read(file));
    }

    private static void assertSame(ChunkMap expected, ChunkMap actual) {
        assertEquals(expected.deviceSizeBytes(), actual.deviceSizeBytes());
        assertEquals(expected.digestAlgorithm(), actual.digestAlgorithm());
        assertEquals(expected.codec(), actual.codec());
        assertEquals(expected.chunkCount(), actual.chunkCount());
        assertEquals(expected.frameCount(), actual.frameCount());
        assertEquals(hex(expected), hex(actual));
        for (int i = 0; i < expected.chunkCount(); i++) {
            assertEquals(expected.deviceOffset(i), actual.deviceOffset(i));
            assertTrue(actual.hasDigest(i, expected.digest(i)));
        }
    }

    private static String hex(ChunkMap map) {
        return HexFormat.of().formatHex(ChunkMapFile.sha256(map));
    }

    @Test
    void anyFlippedByteIsNoticed() throws IOException {
        ChunkMapFile.write(file, new RandomChunks(SEED, 20, 9000).map);
        byte[] good = Files.readAllBytes(file);
        for (int at = 0; at < good.length; at++) {
            if (at >= 40 && at < 64) {
                continue; // reserved
            }
            byte[] bad = good.clone();
            bad[at] ^= 0x10;
            Files.write(file, bad);
            assertThrows(CorruptImageException.class, () -> ChunkMapFile.read(file), "byte " + at);
        }
    }

    @Test
    void anyOtherLengthIsNoticed() throws IOException {
        ChunkMapFile.write(file, new RandomChunks(SEED, 20, 9000).map);
        byte[] good = Files.readAllBytes(file);
        for (int length = 0; length < good.length; length += 1 + length / 20) {
            Files.write(file, Arrays.copyOf(good, length));
            assertThrows(CorruptImageException.class, () -> ChunkMapFile.read(file), "length " + length);
        }
        Files.write(file, Arrays.copyOf(good, good.length + 1));
        assertThrows(CorruptImageException.class, () -> ChunkMapFile.read(file));
    }

    @Test
    void garbageIsNoticed() throws IOException {
        byte[] garbage = new byte[100_000];
        new Random(SEED).nextBytes(garbage);
        Files.write(file, garbage);
        assertThrows(CorruptImageException.class, () -> ChunkMapFile.read(file));
    }
}
