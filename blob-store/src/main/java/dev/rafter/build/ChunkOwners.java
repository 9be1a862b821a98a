package dev.rafter.build;

import dev.rafter.format.FileNode.ChunkRef;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Which layer stores a chunk: the lowest that has it, unless a dictionary has it already. Layers are scanned at the same time, so a layer may
 * encode what a lower one turns out to have; that is thrown away when the blobs are written. What is stored where depends on the layers
 * alone. Thread safe.
 */
final class ChunkOwners {
    private final Map<ChunkKey, ChunkRef> dictionary;
    private final Map<ChunkKey, Integer> lowest = new ConcurrentHashMap<>();

    ChunkOwners(Map<ChunkKey, ChunkRef> dictionary) {
        this.dictionary = dictionary;
    }

    /** Notes that a layer has a chunk; says whether it is known already that another place stores it. */
    boolean isElsewhere(ChunkKey key, int layer) {
        return dictionary.containsKey(key) || lowest.merge(key, layer, Math::min) < layer;
    }

    /** The layer that stores a chunk, when all layers were scanned. */
    int owner(ChunkKey key) {
        return lowest.getOrDefault(key, Integer.MAX_VALUE);
    }

    @Nullable
    ChunkRef inDictionary(ChunkKey key) {
        return dictionary.get(key);
    }
}
