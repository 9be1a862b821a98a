package dev.rafter.image;

import dev.rafter.blob.ChunkMap;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** The frames of a blob in the order in which they are stored, and the chunks that each holds. Immutable, in flat arrays. */
final class ChunksOfFrames {
    private final ChunkMap map;
    private final int[] frames;
    private final int[] begins;
    private final int[] chunks;

    ChunksOfFrames(ChunkMap map) {
        this.map = map;
        frames = IntStream.range(0, map.frameCount())
                .boxed()
                .sorted(Comparator.comparingLong(map::frameOffset))
                .mapToInt(Integer::intValue)
                .toArray();
        begins = new int[map.frameCount() + 1];
        for (int chunk = 0; chunk < map.chunkCount(); chunk++) {
            begins[map.frameOf(chunk) + 1]++;
        }
        Arrays.parallelPrefix(begins, Integer::sum);
        chunks = new int[map.chunkCount()];
        int[] next = begins.clone();
        for (int chunk = 0; chunk < map.chunkCount(); chunk++) {
            chunks[next[map.frameOf(chunk)]++] = chunk;
        }
    }

    int count() {
        return frames.length;
    }

    /** The frame that is stored at a place in their order. */
    int frame(int place) {
        return frames[place];
    }

    /** The first of a frame's chunks among all {@link #chunk}s; they end where those of the next number begin. */
    int begin(int frame) {
        return begins[frame];
    }

    int chunk(int i) {
        return chunks[i];
    }

    /** For messages. */
    String describe(int frame) {
        return "chunks "
                + Arrays.stream(chunks, begins[frame], begins[frame + 1])
                        .mapToObj(String::valueOf)
                        .collect(Collectors.joining(", "))
                + " (stored at byte " + map.frameOffset(frame) + ")";
    }
}
