package dev.rafter.image;

import dev.rafter.oci.Descriptor;
import dev.rafter.oci.Index;
import dev.rafter.oci.Manifest;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What kind of image a manifest describes, told by media types and annotations alone. */
public enum ImageKind {
    /** RAFS v6 with blobs of its own. */
    RAFS_V6("a RAFS v6 image"),
    /** RAFS v6 metadata over the gzip layers of the original image. */
    RAFS_V6_OCI_REF("a RAFS v6 image whose data stay in the gzip layers of the original image (zran)"),
    RAFS_V5("a RAFS v5 image"),
    RAFS_ENCRYPTED("an encrypted RAFS image"),
    ESTARGZ("an eStargz image"),
    ZSTD_CHUNKED("a zstd:chunked image"),
    SOCI("an image with a SOCI index"),
    EROFS_LAYERS("an image of EROFS layers"),
    EROFS("an EROFS image file"),
    OCI("a plain OCI image"),
    DOCKER("a plain Docker image"),
    OTHER("no container image");

    private static final String NYDUS = "containerd.io/snapshot/nydus-";
    private static final String BOOTSTRAP = NYDUS + "bootstrap";
    private static final String FS_VERSION = NYDUS + "fs-version";
    private static final String STARGZ_TOC = "containerd.io/snapshot/stargz/toc.digest";
    private static final String ZSTD_CHUNKED_POSITION = "io.containers.zstd-chunked.manifest-position";
    private static final String SOCI_INDEX = "com.amazon.soci.index-digest";
    private static final String SOCI_ARTIFACT = "application/vnd.amazon.soci.index.";

    private final String description;

    ImageKind(String description) {
        this.description = description;
    }

    /** As it stands in a sentence: "an eStargz image". */
    public String description() {
        return description;
    }

    /** Whether its tree can be read from a RAFS v6 bootstrap. */
    public boolean isRafsV6() {
        return this == RAFS_V6 || this == RAFS_V6_OCI_REF;
    }

    /** @param index the index that named the manifest, if one did */
    public static ImageKind of(Manifest manifest, @Nullable Index index) {
        Optional<Descriptor> bootstrap = bootstrapLayer(manifest);
        if (bootstrap.isPresent()) {
            return ofRafs(manifest, bootstrap.get());
        }
        if (manifest.layers().isEmpty() || manifest.artifactType() != null) {
            return OTHER;
        }
        return ofLayers(manifest, index);
    }

    private static ImageKind ofRafs(Manifest manifest, Descriptor bootstrap) {
        if (hasAnnotation(manifest.layers(), NYDUS + "encrypted-blob")) {
            return RAFS_ENCRYPTED;
        }
        String version = bootstrap
                .annotations()
                .getOrDefault(FS_VERSION, manifest.annotations().getOrDefault(FS_VERSION, "6"));
        if (!version.equals("6")) {
            return RAFS_V5;
        }
        return hasAnnotation(manifest.layers(), NYDUS + "ref") ? RAFS_V6_OCI_REF : RAFS_V6;
    }

    private static ImageKind ofLayers(Manifest manifest, @Nullable Index index) {
        List<Descriptor> layers = manifest.layers();
        if (hasAnnotation(layers, ZSTD_CHUNKED_POSITION)) {
            return ZSTD_CHUNKED;
        }
        if (hasAnnotation(layers, STARGZ_TOC)) {
            return ESTARGZ;
        }
        if (layers.stream().anyMatch(layer -> layer.mediaType().startsWith("application/vnd.erofs."))) {
            return EROFS_LAYERS;
        }
        if (manifest.annotations().containsKey(SOCI_INDEX) || (index != null && namesSoci(index))) {
            return SOCI;
        }
        return layers.getFirst().mediaType().startsWith("application/vnd.docker.") ? DOCKER : OCI;
    }

    private static boolean namesSoci(Index index) {
        return index.manifests().stream()
                .anyMatch(entry ->
                        entry.artifactType() != null && entry.artifactType().startsWith(SOCI_ARTIFACT));
    }

    private static boolean hasAnnotation(List<Descriptor> layers, String annotation) {
        return layers.stream().anyMatch(layer -> layer.annotations().containsKey(annotation));
    }

    /** The layer that holds a RAFS image's bootstrap. */
    static Optional<Descriptor> bootstrapLayer(Manifest manifest) {
        return manifest.layers().stream()
                .filter(layer -> "true".equals(layer.annotations().get(BOOTSTRAP)))
                .findFirst();
    }
}
