package dev.rafter.build;

import dev.rafter.format.CorruptImageException;
import dev.rafter.format.FileNode;
import java.util.IdentityHashMap;
import java.util.List;

/** The merged tree of scanned layers, and the chunks of its files. */
final class MergedLayers {
    private final LayerMerger merger = new LayerMerger();
    private final IdentityHashMap<FileNode, List<LayerChunk>> chunks = new IdentityHashMap<>();

    /**
     * Lays a layer over those that are there.
     *
     * @param layer which one, for errors
     */
    void add(List<LayerEntry> entries, String layer) throws CorruptImageException {
        merger.beginLayer(layer);
        for (LayerEntry entry : entries) {
            merger.apply(entry.entry(), entry.offset()).ifPresent(file -> chunks.put(file, entry.chunks()));
        }
    }

    FileNode root() {
        return merger.root();
    }

    /** The chunks of a file of the tree. */
    List<LayerChunk> chunksOf(FileNode file) {
        return chunks.getOrDefault(file, List.of());
    }
}
