package dev.rafter.image;

import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import dev.rafter.oci.Descriptor;
import dev.rafter.oci.Index;
import dev.rafter.oci.Manifest;
import dev.rafter.oci.MediaTypes;
import dev.rafter.oci.Platform;
import dev.rafter.registry.ImageSource;
import java.io.IOException;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The documents of one image.
 *
 * @param descriptor of the manifest
 * @param index that named the manifest; null if the reference names the manifest itself
 */
public record ResolvedImage(
        Descriptor descriptor, Manifest manifest, @Nullable Index index, ImageKind kind) {
    /** How converters mark a RAFS image that stands in an index beside the original of the same platform. */
    private static final String NYDUS_FEATURE = "nydus.remoteimage.v1";

    /**
     * Asks the source what its reference names.
     *
     * @param platform which image of an index
     * @throws FailureException if the index has none for the platform
     */
    public static ResolvedImage resolve(ImageSource source, Platform platform) throws IOException {
        Descriptor named = source.resolve();
        if (!MediaTypes.isIndex(named.mediaType())) {
            return ofManifest(source, named, null);
        }
        Index index = Index.parse(source.document(named), "index " + named.digest() + " of " + source.describe());
        return ofManifest(source, choose(source, index, platform), index);
    }

    private static ResolvedImage ofManifest(ImageSource source, Descriptor descriptor, @Nullable Index index)
            throws IOException {
        Manifest manifest = Manifest.parse(
                source.document(descriptor), "manifest " + descriptor.digest() + " of " + source.describe());
        return new ResolvedImage(descriptor, manifest, index, ImageKind.of(manifest, index));
    }

    private static Descriptor choose(ImageSource source, Index index, Platform platform) throws FailureException {
        List<Descriptor> fitting = index.manifests().stream()
                .filter(entry -> entry.artifactType() == null
                        && entry.platform() != null
                        && entry.platform().matches(platform))
                .toList();
        return fitting.stream()
                .filter(ResolvedImage::isNydus)
                .findFirst()
                .or(() -> fitting.stream().findFirst())
                .orElseThrow(() -> new FailureException(
                        FailureKind.IMAGE,
                        source.describe() + ": there is no image for " + platform + " in the index, only for "
                                + platforms(index) + "; choose one with --platform"));
    }

    private static boolean isNydus(Descriptor entry) {
        return entry.platform() != null
                && entry.platform().osFeatures() != null
                && entry.platform().osFeatures().contains(NYDUS_FEATURE);
    }

    private static String platforms(Index index) {
        return index.manifests().stream()
                .map(Descriptor::platform)
                .map(platform -> platform == null ? "unknown" : platform.toString())
                .distinct()
                .collect(Collectors.joining(", "));
    }
}
