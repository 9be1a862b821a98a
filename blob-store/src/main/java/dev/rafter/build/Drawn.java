package dev.rafter.build;

import dev.rafter.format.FileNode;
import dev.rafter.format.FileNode.ChunkRef;
import dev.rafter.format.FileNode.Contents;
import dev.rafter.format.FileType;
import dev.rafter.format.UnrepresentableFileException;
import dev.rafter.format.rafs.RafsBlob;
import dev.rafter.format.rafs.RafsBootstrapWriter;
import java.lang.foreign.Arena;
import java.util.AbstractList;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.RandomAccess;
import java.util.Set;
import java.util.TreeMap;

/**
 * The bootstrap of an image whose blobs are planned, and maybe not yet written.
 *
 * @param bootstrap lacks only the names of the blobs
 * @param dictionaryBlobs those of the dictionary that files use; they come first
 * @param contentBytes of all files
 */
record Drawn(RafsBootstrapWriter bootstrap, List<RafsBlob> dictionaryBlobs, long contentBytes) {

    /**
     * Draws.
     *
     * @param scans of all layers
     * @param blobs those that are built, the lowest layer's first
     * @param arena where the bootstrap is allocated
     */
    static Drawn of(
            MergedLayers merged,
            List<LayerScan> scans,
            List<LayerBlob> blobs,
            ChunkOwners owners,
            ChunkDictionary dictionary,
            RafsBootstrapWriter.Options options,
            Arena arena)
            throws UnrepresentableFileException {
        List<FileNode> files = files(merged.root());
        List<ChunkDictionary.Blob> used = new ArrayList<>();
        Map<ChunkKey, ChunkRef> places = new HashMap<>();
        useDictionary(merged, files, owners, dictionary, used, places);
        List<RafsBootstrapWriter.Contents> table = new ArrayList<>();
        for (ChunkDictionary.Blob blob : used) {
            table.add(
                    new RafsBootstrapWriter.Contents(blob.chunks(), blob.blob().deviceSizeBytes()));
        }
        for (LayerBlob blob : blobs) {
            blob.addPlaces(places, table.size() + 1);
            table.add(new RafsBootstrapWriter.Contents(
                    blob.plan().chunks(), blob.plan().deviceSizeBytes()));
        }
        for (LayerScan scan : scans) {
            scan.chunks().values().forEach(chunk -> chunk.place = places.get(chunk.key));
        }
        long contentBytes = fill(merged, files);
        RafsBootstrapWriter bootstrap = RafsBootstrapWriter.draw(merged.root(), table, options, arena);
        return new Drawn(
                bootstrap, used.stream().map(ChunkDictionary.Blob::blob).toList(), contentBytes);
    }

    /** Each once, whatever names it has. */
    private static List<FileNode> files(FileNode root) {
        List<FileNode> files = new ArrayList<>();
        Set<FileNode> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        Deque<FileNode> open = new ArrayDeque<>(List.of(root));
        while (!open.isEmpty()) {
            FileNode node = open.removeLast();
            if (node.type() == FileType.DIRECTORY) {
                open.addAll(node.children().values());
            } else if (node.type() == FileType.REGULAR && seen.add(node)) {
                files.add(node);
            }
        }
        return files;
    }

    /** Finds those blobs of the dictionary that files use, and where their chunks are. */
    private static void useDictionary(
            MergedLayers merged,
            List<FileNode> files,
            ChunkOwners owners,
            ChunkDictionary dictionary,
            List<ChunkDictionary.Blob> used,
            Map<ChunkKey, ChunkRef> places) {
        if (dictionary.blobs().isEmpty()) {
            return;
        }
        Map<Integer, Integer> devices = new TreeMap<>();
        for (FileNode file : files) {
            for (LayerChunk chunk : merged.chunksOf(file)) {
                ChunkRef known = owners.inDictionary(chunk.key);
                if (known != null) {
                    devices.putIfAbsent(known.device(), 0);
                }
            }
        }
        for (Map.Entry<Integer, Integer> device : devices.entrySet()) {
            used.add(dictionary.blobs().get(device.getKey() - 1));
            device.setValue(used.size());
        }
        dictionary.places().forEach((key, place) -> {
            Integer device = devices.get(place.device());
            if (device != null) {
                places.put(key, new ChunkRef(device, place.index(), place.deviceOffset(), place.size()));
            }
        });
    }

    private static long fill(MergedLayers merged, List<FileNode> files) {
        long bytes = 0;
        for (FileNode file : files) {
            PlacedChunks placed = new PlacedChunks(merged.chunksOf(file));
            file.contents(new Contents.Chunks(placed.sizeBytes(), placed));
            bytes += placed.sizeBytes();
        }
        return bytes;
    }

    /** Where the chunks of a file are, without a list of its own. */
    private static final class PlacedChunks extends AbstractList<ChunkRef> implements RandomAccess {
        private final List<LayerChunk> chunks;

        PlacedChunks(List<LayerChunk> chunks) {
            this.chunks = chunks;
        }

        /** All chunks but the last have the same size. */
        long sizeBytes() {
            return chunks.isEmpty() ? 0 : (long) (chunks.size() - 1) * chunks.getFirst().size + chunks.getLast().size;
        }

        @Override
        public ChunkRef get(int position) {
            ChunkRef place = chunks.get(position).place;
            if (place == null) {
                throw new IllegalStateException("a chunk has no place");
            }
            return place;
        }

        @Override
        public int size() {
            return chunks.size();
        }
    }
}
