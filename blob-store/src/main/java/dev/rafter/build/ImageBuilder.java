package dev.rafter.build;

import dev.rafter.codec.Codec;
import dev.rafter.digest.DigestAlgorithm;
import dev.rafter.format.FileNode;
import dev.rafter.format.FileNode.ChunkRef;
import dev.rafter.format.FileNode.Contents;
import dev.rafter.format.FileType;
import dev.rafter.format.rafs.Compressor;
import dev.rafter.format.rafs.RafsBlobWriter;
import dev.rafter.format.rafs.RafsBootstrapLayer;
import dev.rafter.format.rafs.RafsBootstrapWriter;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.AbstractList;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.RandomAccess;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.LongConsumer;

/**
 * Builds one RAFS image from layers: scans them at the same time, merges them, writes one blob for each layer that has chunks of its own, and
 * the bootstrap. Everything is put into a work directory of the caller's.
 */
public final class ImageBuilder {
    private final BuildOptions options;
    private final Path work;

    public ImageBuilder(BuildOptions options, Path work) {
        this.options = options;
        this.work = work;
    }

    /**
     * A blob that was built.
     *
     * @param layer number of the layer that it came from
     * @param file where it is
     * @param sha256 its digest, in hexadecimal
     */
    public record BuiltBlob(int layer, Path file, String sha256, long sizeBytes) {}

    /**
     * An image that was built.
     *
     * @param dictionaryBlobs SHA-256 of those blobs of the dictionary that it refers to, in the order of the device table, before its own
     * @param bootstrapLayer the layer with the bootstrap
     * @param bootstrapFile where that layer is
     * @param contentBytes bytes of all files' contents, as the layers had them
     */
    public record BuiltImage(
            List<BuiltBlob> blobs,
            List<String> dictionaryBlobs,
            RafsBootstrapLayer.Layer bootstrapLayer,
            Path bootstrapFile,
            long contentBytes) {}

    /**
     * Builds.
     *
     * @param layers the lowest first
     * @param dictionary chunks that are in other blobs already
     * @param progress is told how many bytes of file contents came, from any thread
     */
    public BuiltImage build(List<? extends LayerSource> layers, ChunkDictionary dictionary, LongConsumer progress)
            throws IOException {
        try (ChunkEncoders encoders = new ChunkEncoders(options, work.resolve("spool"))) {
            ChunkOwners owners = new ChunkOwners(dictionary.places());
            List<LayerScan> scans = scan(layers, encoders, owners, progress);
            return writeAll(layers, scans, encoders, owners, dictionary);
        }
    }

    /** The tree needs no encoded chunk: it is merged while the last ones are encoded and the blobs are written. */
    private BuiltImage writeAll(
            List<? extends LayerSource> layers,
            List<LayerScan> scans,
            ChunkEncoders encoders,
            ChunkOwners owners,
            ChunkDictionary dictionary)
            throws IOException {
        try (ExecutorService thread = Executors.newSingleThreadExecutor(
                Thread.ofPlatform().name("rafter-tree").daemon().factory())) {
            Future<MergedLayers> merging = thread.submit(() -> merge(scans, layers));
            encoders.finish();
            List<LayerBlob> blobs = writeBlobs(scans, encoders, owners);
            return write(InParallel.result(merging), blobs, owners, dictionary);
        }
    }

    private static MergedLayers merge(List<LayerScan> scans, List<? extends LayerSource> layers) throws IOException {
        MergedLayers merged = new MergedLayers();
        for (int i = 0; i < scans.size(); i++) {
            merged.add(scans.get(i).entries(), layers.get(i).describe());
        }
        return merged;
    }

    private List<LayerScan> scan(
            List<? extends LayerSource> layers, ChunkEncoders encoders, ChunkOwners owners, LongConsumer progress)
            throws IOException {
        List<LayerScan> scans = new ArrayList<>();
        List<Callable<Boolean>> running = new ArrayList<>();
        for (int i = 0; i < layers.size(); i++) {
            LayerSource layer = layers.get(i);
            LayerScan scan = new LayerScan(options, encoders, owners, i, progress);
            scans.add(scan);
            running.add(() -> {
                scan.run(layer);
                return true;
            });
        }
        InParallel.all(running, Math.max(2, options.threads()), "rafter-layer-");
        return scans;
    }

    private BuiltImage write(
            MergedLayers merged, List<LayerBlob> layerBlobs, ChunkOwners owners, ChunkDictionary dictionary)
            throws IOException {
        List<RafsBootstrapWriter.Blob> table = new ArrayList<>();
        Map<ChunkKey, ChunkRef> places = new HashMap<>();
        List<String> dictionaryBlobs = useDictionary(merged, owners, dictionary, table, places);
        List<BuiltBlob> blobs = new ArrayList<>();
        TreeMap<String, ByteBuffer> metaFiles = new TreeMap<>();
        for (LayerBlob blob : layerBlobs) {
            blob.addPlaces(places, table.size() + 1);
            RafsBlobWriter.Written written = blob.written();
            table.add(new RafsBootstrapWriter.Blob(written.blob().atIndex(table.size()), written.chunks()));
            metaFiles.put(written.sha256(), written.metaFile());
            blobs.add(new BuiltBlob(blob.layer(), blob.file(), written.sha256(), written.sizeBytes()));
        }
        long contentBytes = fill(merged, places);
        Path file = work.resolve("bootstrap.tar.gz");
        try (Arena arena = Arena.ofConfined();
                OutputStream out = Files.newOutputStream(file)) {
            MemorySegment bootstrap = RafsBootstrapWriter.write(
                    merged.root(),
                    table,
                    new RafsBootstrapWriter.Options(
                            options.chunkSizeBytes(), compressor(), options.digestAlgorithm(), List.of()),
                    arena);
            RafsBootstrapLayer.Layer layer = RafsBootstrapLayer.write(out, bootstrap, metaFiles);
            return new BuiltImage(blobs, dictionaryBlobs, layer, file, contentBytes);
        }
    }

    /** Puts those blobs of the dictionary into the table that files use; gives their digests. */
    private static List<String> useDictionary(
            MergedLayers merged,
            ChunkOwners owners,
            ChunkDictionary dictionary,
            List<RafsBootstrapWriter.Blob> table,
            Map<ChunkKey, ChunkRef> places) {
        Map<Integer, Integer> devices = new TreeMap<>();
        forEachFile(merged.root(), file -> {
            for (LayerChunk chunk : merged.chunksOf(file)) {
                ChunkRef known = owners.inDictionary(chunk.key);
                if (known != null) {
                    devices.putIfAbsent(known.device(), 0);
                }
            }
        });
        List<String> digests = new ArrayList<>();
        for (Map.Entry<Integer, Integer> device : devices.entrySet()) {
            RafsBootstrapWriter.Blob blob = dictionary.blobs().get(device.getKey() - 1);
            device.setValue(table.size() + 1);
            table.add(new RafsBootstrapWriter.Blob(blob.blob().atIndex(table.size()), blob.chunks()));
            digests.add(blob.blob().id());
        }
        dictionary.places().forEach((key, place) -> {
            Integer device = devices.get(place.device());
            if (device != null) {
                places.put(key, new ChunkRef(device, place.index(), place.deviceOffset(), place.size()));
            }
        });
        return digests;
    }

    /** One for each layer that has chunks of its own, the lowest first. */
    private List<LayerBlob> writeBlobs(List<LayerScan> scans, ChunkEncoders encoders, ChunkOwners owners)
            throws IOException {
        List<Callable<LayerBlob>> writing = new ArrayList<>();
        for (int i = 0; i < scans.size(); i++) {
            int layer = i;
            List<LayerChunk> own = scans.get(i).chunks().values().stream()
                    .filter(chunk -> owners.owner(chunk.key) == layer && chunk.spoolOffset != LayerChunk.ELSEWHERE)
                    .sorted(Comparator.comparing(LayerChunk::kind).thenComparingInt(LayerChunk::sequence))
                    .toList();
            if (!own.isEmpty()) {
                Path file = work.resolve("blob-" + layer);
                writing.add(() -> LayerBlob.write(layer, own, encoders, options, compressor(), file));
            }
        }
        return InParallel.all(writing, options.threads(), "rafter-blob-");
    }

    private static long fill(MergedLayers merged, Map<ChunkKey, ChunkRef> places) {
        long[] bytes = new long[1];
        forEachFile(merged.root(), file -> {
            PlacedChunks placed = new PlacedChunks(merged.chunksOf(file), places);
            file.contents(new Contents.Chunks(placed.sizeBytes(), placed));
            bytes[0] += placed.sizeBytes();
        });
        return bytes[0];
    }

    /** Where the chunks of a file are, without a list of its own. */
    private static final class PlacedChunks extends AbstractList<ChunkRef> implements RandomAccess {
        private final List<LayerChunk> chunks;
        private final Map<ChunkKey, ChunkRef> places;

        PlacedChunks(List<LayerChunk> chunks, Map<ChunkKey, ChunkRef> places) {
            this.chunks = chunks;
            this.places = places;
        }

        /** All chunks but the last have the same size. */
        long sizeBytes() {
            return chunks.isEmpty() ? 0 : (long) (chunks.size() - 1) * chunks.getFirst().size + chunks.getLast().size;
        }

        @Override
        public ChunkRef get(int position) {
            ChunkRef place = places.get(chunks.get(position).key);
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

    private interface Use {
        void file(FileNode file);
    }

    private static void forEachFile(FileNode root, Use use) {
        Set<FileNode> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        Deque<FileNode> open = new ArrayDeque<>(List.of(root));
        while (!open.isEmpty()) {
            FileNode node = open.removeLast();
            if (node.type() == FileType.DIRECTORY) {
                open.addAll(node.children().values());
            } else if (node.type() == FileType.REGULAR && seen.add(node)) {
                use.file(node);
            }
        }
    }

    private Compressor compressor() {
        return compressor(options.codec());
    }

    private static Compressor compressor(Codec codec) {
        return switch (codec) {
            case NONE -> Compressor.NONE;
            case LZ4_BLOCK -> Compressor.LZ4_BLOCK;
            case ZSTD -> Compressor.ZSTD;
            case GZIP -> throw new IllegalArgumentException("RAFS images are not compressed with gzip");
        };
    }

    /** Digests of a dictionary must be of the same kind as the image's. */
    static boolean fits(DigestAlgorithm dictionary, BuildOptions options) {
        return dictionary == options.digestAlgorithm();
    }
}
