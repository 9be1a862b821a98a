package dev.rafter.image;

import dev.rafter.build.LayerSource;
import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import dev.rafter.oci.Descriptor;
import dev.rafter.oci.Manifest;
import dev.rafter.registry.ImageSource;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;

/** The tar layers of an image that is to be converted, or was. */
public final class SourceLayers {
    private SourceLayers() {}

    /**
     * The layers of a manifest, the lowest first.
     *
     * @throws FailureException if they are no tars
     */
    public static List<LayerSource> of(ImageSource source, Manifest manifest) throws FailureException {
        ImageKind kind = ImageKind.of(manifest, null);
        switch (kind) {
            case RAFS_V6, RAFS_V6_OCI_REF, RAFS_V5, RAFS_ENCRYPTED, EROFS_LAYERS, EROFS, OTHER ->
                throw new FailureException(
                        FailureKind.IMAGE,
                        source.describe() + " is " + kind.description()
                                + ": name an image of tar layers, such as it was made from");
            case ESTARGZ, ZSTD_CHUNKED, SOCI, OCI, DOCKER -> {
                // their layers are tars
            }
        }
        List<LayerSource> layers = new ArrayList<>();
        for (Descriptor layer : manifest.layers()) {
            layers.add(new Layer(source, layer));
        }
        return layers;
    }

    private record Layer(ImageSource source, Descriptor layer) implements LayerSource {
        @Override
        public String describe() {
            return "layer " + layer.digest() + " of " + source.describe();
        }

        @Override
        public InputStream open() throws IOException {
            return source.blob(layer);
        }
    }
}
