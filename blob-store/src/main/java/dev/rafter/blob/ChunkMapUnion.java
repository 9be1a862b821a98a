package dev.rafter.blob;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Unites chunk maps of one blob. Images share a blob, each knowing a part of its chunks; they are not trusted to agree. Two maps are in
 * conflict when their devices differ, or when a chunk of one overlaps a chunk of the other that is not the same in every value.
 */
final class ChunkMapUnion {
    private record Frame(long offset, int storedSizeBytes, int sizeBytes) {}

    private final ChunkMap first;
    private final ChunkMap second;
    private final ChunkMap.Builder union;
    private final Map<Frame, Integer> frames = new HashMap<>();

    private ChunkMapUnion(ChunkMap first, ChunkMap second) {
        this.first = first;
        this.second = second;
        this.union = ChunkMap.builder(first.digestAlgorithm(), first.codec(), first.deviceSizeBytes());
    }

    /** The union of two maps: {@code first} itself if that has every chunk of {@code second}; empty if they are in conflict. */
    static Optional<ChunkMap> of(ChunkMap first, ChunkMap second) {
        if (first == second) {
            return Optional.of(first);
        }
        if (first.digestAlgorithm() != second.digestAlgorithm()
                || first.codec() != second.codec()
                || first.deviceSizeBytes() != second.deviceSizeBytes()) {
            return Optional.empty();
        }
        ChunkMapUnion union = new ChunkMapUnion(first, second);
        int added = union.countAdded();
        if (added < 0) {
            return Optional.empty();
        }
        return Optional.of(added == 0 ? first : union.merge());
    }

    /** How many chunks the second map has that the first has not; -1 if they are in conflict. */
    private int countAdded() {
        int added = 0;
        int i = 0;
        for (int j = 0; j < second.chunkCount(); j++) {
            while (i < first.chunkCount() && end(first, i) <= second.deviceOffset(j)) {
                i++;
            }
            if (i == first.chunkCount() || first.deviceOffset(i) >= end(second, j)) {
                added++;
            } else if (!isSame(i, j)) {
                return -1;
            }
        }
        return added;
    }

    private static long end(ChunkMap map, int chunk) {
        return map.deviceOffset(chunk) + map.sizeBytes(chunk);
    }

    private boolean isSame(int i, int j) {
        return first.deviceOffset(i) == second.deviceOffset(j)
                && first.sizeBytes(i) == second.sizeBytes(j)
                && first.offsetInFrame(i) == second.offsetInFrame(j)
                && frame(first, i).equals(frame(second, j))
                && first.hasDigest(i, second.digest(j));
    }

    private static Frame frame(ChunkMap map, int chunk) {
        int frame = map.frameOf(chunk);
        return new Frame(map.frameOffset(frame), map.frameStoredSizeBytes(frame), map.frameSizeBytes(frame));
    }

    private ChunkMap merge() {
        int i = 0;
        int j = 0;
        while (i < first.chunkCount() || j < second.chunkCount()) {
            if (j == second.chunkCount()
                    || (i < first.chunkCount() && first.deviceOffset(i) <= second.deviceOffset(j))) {
                boolean same = j < second.chunkCount() && first.deviceOffset(i) == second.deviceOffset(j);
                add(first, i++);
                j += same ? 1 : 0;
            } else {
                add(second, j++);
            }
        }
        return union.build();
    }

    private void add(ChunkMap map, int chunk) {
        Frame frame = frame(map, chunk);
        int number = frames.computeIfAbsent(frame, f -> union.addFrame(f.offset(), f.storedSizeBytes(), f.sizeBytes()));
        union.addChunk(
                map.deviceOffset(chunk), map.sizeBytes(chunk), map.digest(chunk), number, map.offsetInFrame(chunk));
    }
}
