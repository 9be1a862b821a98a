package dev.rafter.image;

import dev.rafter.blob.ChunkMap;
import dev.rafter.digest.DigestAlgorithm;
import dev.rafter.format.Extent;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Tells chunks that are all zeros by their digests, without reading them: RAFS has no holes, so this is what a hole of the original
 * became. Only sizes of whole blocks are looked at, so that few digests of zeros are ever made.
 */
final class ZeroChunks {
    private static final int BLOCK_BYTES = 4096;

    private final Map<Kind, byte[]> digests = new HashMap<>();

    private record Kind(DigestAlgorithm algorithm, int sizeBytes) {}

    /** Passes on what of an extent is not all zeros. */
    void cut(Extent extent, Optional<ChunkMap> chunks, Consumer<Extent> data) {
        if (chunks.isEmpty()) {
            data.accept(extent);
            return;
        }
        ChunkMap map = chunks.get();
        long end = extent.deviceOffset() + extent.length();
        long dataStart = extent.deviceOffset();
        for (int chunk = map.firstChunkEndingAfter(dataStart);
                chunk < map.chunkCount() && map.deviceOffset(chunk) < end;
                chunk++) {
            if (isZero(map, chunk)) {
                pass(extent, dataStart, map.deviceOffset(chunk), data);
                dataStart = Math.max(dataStart, map.deviceOffset(chunk) + map.sizeBytes(chunk));
            }
        }
        pass(extent, dataStart, end, data);
    }

    private boolean isZero(ChunkMap map, int chunk) {
        int sizeBytes = map.sizeBytes(chunk);
        return sizeBytes % BLOCK_BYTES == 0
                && map.hasDigest(
                        chunk,
                        digests.computeIfAbsent(new Kind(map.digestAlgorithm(), sizeBytes), ZeroChunks::digestOfZeros));
    }

    private static byte[] digestOfZeros(Kind kind) {
        var hasher = kind.algorithm.newHasher();
        hasher.update(new byte[kind.sizeBytes], 0, kind.sizeBytes);
        return hasher.digest();
    }

    private static void pass(Extent extent, long start, long end, Consumer<Extent> data) {
        if (start < end) {
            data.accept(new Extent(
                    extent.fileOffset() + (start - extent.deviceOffset()), end - start, extent.device(), start));
        }
    }
}
