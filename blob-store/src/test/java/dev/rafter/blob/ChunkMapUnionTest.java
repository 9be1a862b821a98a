package dev.rafter.blob;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.codec.Codec;
import dev.rafter.digest.DigestAlgorithm;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Maps that agree are united; maps that do not, never. */
final class ChunkMapUnionTest {
    private static final long SEED = Long.getLong("test.seed", 20264);

    private final RandomChunks chunks = new RandomChunks(SEED, 200, 20_000);

    @Test
    void partsMakeTheWhole() {
        ChunkMap union = chunks.part(3, 0);
        union = ChunkMapUnion.of(union, chunks.part(3, 2)).orElseThrow();
        union = ChunkMapUnion.of(union, chunks.part(2, 1)).orElseThrow();
        union = ChunkMapUnion.of(union, chunks.part(3, 1)).orElseThrow();
        assertEquals(200, union.chunkCount());
        for (int i = 0; i < 200; i++) {
            assertEquals(chunks.map.deviceOffset(i), union.deviceOffset(i));
            assertEquals(chunks.map.sizeBytes(i), union.sizeBytes(i));
            assertEquals(chunks.map.frameOffset(chunks.map.frameOf(i)), union.frameOffset(union.frameOf(i)));
            assertArrayEquals(chunks.map.digest(i), union.digest(i));
        }
    }

    @Test
    void aMapThatBringsNothingNewChangesNothing() {
        assertSame(chunks.map, ChunkMapUnion.of(chunks.map, chunks.part(5, 1)).orElseThrow());
    }

    @Test
    void anotherDigestIsAConflict() {
        for (int chunk : new int[] {0, 77, 199}) {
            assertTrue(ChunkMapUnion.of(chunks.map, chunks.lyingAbout(chunk)).isEmpty(), "chunk " + chunk);
        }
    }

    @Test
    void overlapsAndOtherPlacesAreConflicts() {
        assertConflict(one(4096, 5000, 100, 6000), one(4096, 5001, 100, 6000));
        assertConflict(one(4096, 5000, 100, 6000), one(4096, 5000, 101, 6000));
        assertConflict(one(4096, 5000, 100, 6000), one(4096, 5000, 100, 6001));
        assertConflict(one(4096, 5000, 100, 6000), one(8192, 100, 100, 6000));
        assertConflict(one(8192, 100, 100, 6000), one(4096, 5000, 100, 6000));
        assertConflict(one(0, 20_000, 100, 20_000), one(4096, 100, 100, 20_000));
        assertEquals(
                2,
                ChunkMapUnion.of(one(4096, 4096, 0, 5000), one(8192, 1, 0, 5000))
                        .orElseThrow()
                        .chunkCount());
    }

    @Test
    void otherDevicesAreConflicts() {
        ChunkMap map =
                ChunkMap.builder(DigestAlgorithm.SHA256, Codec.ZSTD, 8192).build();
        assertConflict(
                map, ChunkMap.builder(DigestAlgorithm.SHA256, Codec.ZSTD, 4096).build());
        assertConflict(
                map, ChunkMap.builder(DigestAlgorithm.BLAKE3, Codec.ZSTD, 8192).build());
        assertConflict(
                map, ChunkMap.builder(DigestAlgorithm.SHA256, Codec.NONE, 8192).build());
    }

    private static void assertConflict(ChunkMap first, ChunkMap second) {
        assertEquals(Optional.empty(), ChunkMapUnion.of(first, second));
        assertEquals(Optional.empty(), ChunkMapUnion.of(second, first));
    }

    private static ChunkMap one(long deviceOffset, int sizeBytes, long frameOffset, int frameSizeBytes) {
        ChunkMap.Builder builder = ChunkMap.builder(DigestAlgorithm.SHA256, Codec.ZSTD, 1 << 20);
        int frame = builder.addFrame(frameOffset, 50, frameSizeBytes);
        return builder.addChunk(deviceOffset, sizeBytes, new byte[32], frame, 0).build();
    }
}
