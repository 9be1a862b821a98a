package dev.rafter.image;

import dev.rafter.build.BuildOptions;
import dev.rafter.build.ChunkDictionary;
import dev.rafter.build.ImageBuilder;
import dev.rafter.build.ImageBuilder.BuiltBlob;
import dev.rafter.build.ImageBuilder.BuiltImage;
import dev.rafter.build.InParallel;
import dev.rafter.build.LayerSource;
import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import dev.rafter.oci.Descriptor;
import dev.rafter.oci.Digest;
import dev.rafter.oci.ImageConfig;
import dev.rafter.oci.Index;
import dev.rafter.oci.Manifest;
import dev.rafter.oci.MediaTypes;
import dev.rafter.oci.Platform;
import dev.rafter.registry.ImageSource;
import dev.rafter.registry.ImageTarget;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Converts an image to RAFS v6 and writes it to a target: the blobs, a bootstrap layer, the configuration with the layers exchanged, the
 * manifest as nydus-snapshotter expects it, and for several platforms an index.
 */
public final class ImageConverter {
    private static final int MAX_PUSHES = 4;
    private static final String NYDUS = "containerd.io/snapshot/nydus-";
    private static final Map<String, String> BLOB_ANNOTATIONS = Map.of(NYDUS + "blob", "true");
    private static final Map<String, String> BOOTSTRAP_ANNOTATIONS =
            Map.of(NYDUS + "bootstrap", "true", NYDUS + "fs-version", "6");

    private final BuildOptions options;
    private final ChunkDictionary dictionary;
    private final List<ImageSource> dictionarySources;
    private final Path workParent;
    private final LongConsumer progress;

    /**
     * Converts with these.
     *
     * @param dictionary chunks that are in blobs of the dictionary's sources
     * @param workParent where work directories are made, and removed again
     * @param progress is told how many bytes of file contents came, from any thread
     */
    public ImageConverter(
            BuildOptions options,
            ChunkDictionary dictionary,
            List<ImageSource> dictionarySources,
            Path workParent,
            LongConsumer progress) {
        this.options = options;
        this.dictionary = dictionary;
        this.dictionarySources = List.copyOf(dictionarySources);
        this.workParent = workParent;
        this.progress = progress;
    }

    /**
     * Converts what a source names, for one platform or for all that it has.
     *
     * @param platform which; null for all
     * @return what the target's tag names now
     */
    public Descriptor convert(ImageSource source, @Nullable Platform platform, ImageTarget target) throws IOException {
        Descriptor named = source.resolve();
        if (!MediaTypes.isIndex(named.mediaType())) {
            return convertManifest(source, named, target, true);
        }
        if (platform != null) {
            return convertManifest(
                    source, ResolvedImage.resolve(source, platform).descriptor(), target, true);
        }
        Index index = Index.parse(source.document(named), "index " + named.digest() + " of " + source.describe());
        List<Descriptor> converted = new ArrayList<>();
        for (Descriptor entry : index.manifests()) {
            if (isImage(entry)) {
                Descriptor manifest = convertManifest(source, entry, target, false);
                converted.add(new Descriptor(
                        manifest.mediaType(), manifest.digest(), manifest.size(), Map.of(), entry.platform(), null));
            }
        }
        if (converted.isEmpty()) {
            throw new FailureException(FailureKind.IMAGE, source.describe() + ": its index names no image");
        }
        return target.putManifest(MediaTypes.OCI_INDEX, new Index(MediaTypes.OCI_INDEX, converted).toJson(), true);
    }

    /** Attestations and other artifacts stand in indexes too, mostly for the platform "unknown". */
    private static boolean isImage(Descriptor entry) {
        boolean known = entry.platform() == null || !entry.platform().os().equals("unknown");
        return entry.artifactType() == null && MediaTypes.isManifest(entry.mediaType()) && known;
    }

    private Descriptor convertManifest(ImageSource source, Descriptor descriptor, ImageTarget target, boolean tagged)
            throws IOException {
        Manifest manifest = Manifest.parse(
                source.document(descriptor), "manifest " + descriptor.digest() + " of " + source.describe());
        List<LayerSource> layers = SourceLayers.of(source, manifest);
        Path work = Files.createTempDirectory(workParent, "rafter-convert");
        try {
            BuiltImage built = DiskFull.explained(
                    () -> new ImageBuilder(options, work).build(layers, dictionary, progress),
                    "no space left in " + workParent + ", where the encoded layers of " + source.describe()
                            + " are kept until they are written to the target: free some, or name another directory"
                            + " with --work");
            return DiskFull.explained(
                    () -> write(source, manifest, built, target, tagged),
                    "no space left for " + target.describe() + ": free some, and convert again");
        } finally {
            Folders.delete(work);
        }
    }

    private Descriptor write(
            ImageSource source, Manifest original, BuiltImage built, ImageTarget target, boolean tagged)
            throws IOException {
        List<Descriptor> layers = new ArrayList<>();
        List<Digest> diffIds = new ArrayList<>();
        for (String blob : built.dictionaryBlobs()) {
            Descriptor descriptor = fromDictionary(new Digest("sha256", blob), target);
            layers.add(descriptor);
            diffIds.add(descriptor.digest());
        }
        for (BuiltBlob blob : built.blobs()) {
            Digest digest = new Digest("sha256", blob.sha256());
            Descriptor descriptor =
                    new Descriptor(MediaTypes.NYDUS_BLOB, digest, blob.sizeBytes(), BLOB_ANNOTATIONS, null, null);
            layers.add(descriptor);
            diffIds.add(digest);
        }
        putBlobs(built.blobs(), layers.subList(built.dictionaryBlobs().size(), layers.size()), target);
        Digest bootstrapDigest = new Digest("sha256", built.bootstrap().sha256());
        Descriptor bootstrap = new Descriptor(
                MediaTypes.OCI_LAYER_GZIP,
                bootstrapDigest,
                built.bootstrap().sizeBytes(),
                BOOTSTRAP_ANNOTATIONS,
                null,
                null);
        target.takeBlob(bootstrap, built.bootstrap().file());
        layers.add(bootstrap);
        diffIds.add(new Digest("sha256", built.bootstrap().diffIdSha256()));
        Descriptor config = writeConfig(source, original, built, diffIds, target);
        Manifest manifest =
                new Manifest(2, MediaTypes.OCI_MANIFEST, null, config, layers, null, original.annotations());
        return target.putManifest(MediaTypes.OCI_MANIFEST, manifest.toJson(), tagged);
    }

    /** A few at the same time: one connection seldom fills a link, and each end waits for the other now and then. */
    private static void putBlobs(List<BuiltBlob> blobs, List<Descriptor> descriptors, ImageTarget target)
            throws IOException {
        List<Callable<Boolean>> pushes = new ArrayList<>();
        for (int i = 0; i < blobs.size(); i++) {
            Path file = blobs.get(i).file();
            Descriptor descriptor = descriptors.get(i);
            pushes.add(() -> {
                target.takeBlob(descriptor, file);
                return true;
            });
        }
        InParallel.all(pushes, MAX_PUSHES, "rafter-push-");
    }

    private static Descriptor writeConfig(
            ImageSource source, Manifest original, BuiltImage built, List<Digest> diffIds, ImageTarget target)
            throws IOException {
        ImageConfig config =
                ImageConfig.parse(source.document(original.config()), "configuration of " + source.describe());
        byte[] bytes = config.withLayers(
                        diffIds,
                        ConvertedHistory.of(config.history(), original.layers().size(), built))
                .toJson();
        Descriptor descriptor = new Descriptor(MediaTypes.OCI_CONFIG, Digest.sha256(bytes), bytes.length);
        target.putBlob(descriptor, () -> new ByteArrayInputStream(bytes));
        return descriptor;
    }

    /** Sees to it that the target has a blob of the dictionary. */
    private Descriptor fromDictionary(Digest digest, ImageTarget target) throws IOException {
        for (ImageSource source : dictionarySources) {
            Manifest manifest =
                    ResolvedImage.resolve(source, Platform.current()).manifest();
            for (Descriptor layer : manifest.layers()) {
                if (layer.digest().equals(digest)) {
                    Descriptor descriptor =
                            new Descriptor(MediaTypes.NYDUS_BLOB, digest, layer.size(), BLOB_ANNOTATIONS, null, null);
                    if (!target.hasBlob(descriptor) && !target.mountBlob(descriptor, source)) {
                        target.putBlob(descriptor, () -> source.blob(layer));
                    }
                    return descriptor;
                }
            }
        }
        throw new FailureException(FailureKind.IMAGE, "no image of the chunk dictionary has the blob " + digest);
    }
}
