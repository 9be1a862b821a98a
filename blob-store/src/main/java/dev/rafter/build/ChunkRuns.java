package dev.rafter.build;

import java.util.AbstractList;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.RandomAccess;

/** The chunks of a file, in order: however often one comes in a row, as that of zeros does in a hole, it takes the room of one. */
final class ChunkRuns extends AbstractList<LayerChunk> implements RandomAccess {
    private final List<LayerChunk> chunks = new ArrayList<>(1);
    /** Where the runs end: for each of the chunks the position behind its last. */
    private int[] ends = new int[1];

    /** Adds a chunk some times. */
    void add(LayerChunk chunk, int times) {
        int runs = chunks.size();
        int end = Math.addExact(size(), times);
        if (runs > 0 && chunks.getLast() == chunk) {
            ends[runs - 1] = end;
            return;
        }
        chunks.add(chunk);
        if (runs == ends.length) {
            ends = Arrays.copyOf(ends, 2 * runs);
        }
        ends[runs] = end;
    }

    @Override
    public LayerChunk get(int position) {
        Objects.checkIndex(position, size());
        if (ends[chunks.size() - 1] == chunks.size()) {
            return chunks.get(position);
        }
        int run = Arrays.binarySearch(ends, 0, chunks.size(), position + 1);
        return chunks.get(run < 0 ? -run - 1 : run);
    }

    @Override
    public int size() {
        return chunks.isEmpty() ? 0 : ends[chunks.size() - 1];
    }
}
