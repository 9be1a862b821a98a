package dev.rafter.build;

import dev.rafter.codec.Codec;
import dev.rafter.digest.DigestAlgorithm;
import dev.rafter.format.rafs.Compressor;
import dev.rafter.format.rafs.RafsBlob;
import dev.rafter.format.rafs.RafsBlobWriter;
import dev.rafter.format.rafs.RafsBootstrapWriter;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
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
     * @param bootstrap the layer with the bootstrap
     * @param contentBytes bytes of all files' contents, as the layers had them
     */
    public record BuiltImage(
            List<BuiltBlob> blobs, List<String> dictionaryBlobs, BootstrapLayer bootstrap, long contentBytes) {}

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

    /**
     * The tree needs no encoded chunk, and the bootstrap only where chunks are: so the one is merged while the last chunks are encoded,
     * and the other drawn while the blobs are written, which takes as long as their digests.
     */
    private BuiltImage writeAll(
            List<? extends LayerSource> layers,
            List<LayerScan> scans,
            ChunkEncoders encoders,
            ChunkOwners owners,
            ChunkDictionary dictionary)
            throws IOException {
        try (Arena arena = Arena.ofShared();
                ExecutorService thread = Executors.newSingleThreadExecutor(
                        Thread.ofPlatform().name("rafter-tree").daemon().factory())) {
            Future<MergedLayers> merging = thread.submit(() -> merge(scans, layers));
            encoders.finish();
            List<LayerBlob> blobs = planBlobs(scans, owners);
            Future<Drawn> drawing = thread.submit(() ->
                    Drawn.of(InParallel.result(merging), scans, blobs, owners, dictionary, bootstrapOptions(), arena));
            List<RafsBlobWriter.Written> written = write(blobs, encoders);
            return finish(InParallel.result(drawing), blobs, written);
        }
    }

    private RafsBootstrapWriter.Options bootstrapOptions() {
        return new RafsBootstrapWriter.Options(
                options.chunkSizeBytes(), compressor(), options.digestAlgorithm(), List.of());
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

    /** One for each layer that has chunks of its own, the lowest first. */
    private List<LayerBlob> planBlobs(List<LayerScan> scans, ChunkOwners owners) {
        List<LayerBlob> blobs = new ArrayList<>();
        for (int i = 0; i < scans.size(); i++) {
            int layer = i;
            List<LayerChunk> own = scans.get(i).chunks().values().stream()
                    .filter(chunk -> owners.owner(chunk.key) == layer && chunk.spoolOffset != LayerChunk.ELSEWHERE)
                    .sorted(Comparator.comparing(LayerChunk::kind).thenComparingInt(LayerChunk::sequence))
                    .toList();
            if (!own.isEmpty()) {
                blobs.add(LayerBlob.of(layer, own, options));
            }
        }
        return blobs;
    }

    private List<RafsBlobWriter.Written> write(List<LayerBlob> blobs, ChunkEncoders encoders) throws IOException {
        List<Callable<RafsBlobWriter.Written>> writing = new ArrayList<>();
        for (LayerBlob blob : blobs) {
            writing.add(() -> blob.write(encoders, options, compressor(), file(blob)));
        }
        return InParallel.all(writing, options.threads(), "rafter-blob-");
    }

    private Path file(LayerBlob blob) {
        return work.resolve("blob-" + blob.layer());
    }

    private BuiltImage finish(Drawn drawn, List<LayerBlob> layerBlobs, List<RafsBlobWriter.Written> written)
            throws IOException {
        List<RafsBlob> table = new ArrayList<>(drawn.dictionaryBlobs());
        List<BuiltBlob> blobs = new ArrayList<>();
        TreeMap<String, ByteBuffer> metaFiles = new TreeMap<>();
        for (int i = 0; i < written.size(); i++) {
            RafsBlobWriter.Written blob = written.get(i);
            table.add(blob.blob());
            metaFiles.put(blob.sha256(), blob.metaFile());
            LayerBlob planned = layerBlobs.get(i);
            blobs.add(new BuiltBlob(planned.layer(), file(planned), blob.sha256(), blob.sizeBytes()));
        }
        BootstrapLayer layer = BootstrapLayer.write(
                work.resolve("bootstrap.tar.gz"), drawn.bootstrap().finish(table), metaFiles, options.threads());
        List<String> dictionaryBlobs =
                drawn.dictionaryBlobs().stream().map(RafsBlob::id).toList();
        return new BuiltImage(blobs, dictionaryBlobs, layer, drawn.contentBytes());
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
