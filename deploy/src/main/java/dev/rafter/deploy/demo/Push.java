package dev.rafter.deploy.demo;

import dev.rafter.oci.Descriptor;
import dev.rafter.oci.Manifest;
import dev.rafter.registry.ImageReference;
import dev.rafter.registry.ImageSource;
import dev.rafter.registry.ImageTarget;
import dev.rafter.registry.Images;
import dev.rafter.registry.RegistryOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Copies an image as it is. */
final class Push {
    private Push() {}

    /** From an OCI layout directory to a registry. */
    static void layout(Path layout, String tag, String reference) throws IOException {
        try (Images images = new Images(RegistryOptions.DEFAULTS);
                ImageSource source = images.open(ImageReference.parse("oci:" + layout + ":" + tag));
                ImageTarget target = images.target(ImageReference.parse(reference))) {
            byte[] document = source.document(source.resolve());
            Manifest manifest = Manifest.parse(document, "manifest of " + source.describe());
            List<Descriptor> blobs = new ArrayList<>(manifest.layers());
            blobs.add(manifest.config());
            for (Descriptor blob : blobs) {
                target.putBlob(blob, () -> source.blob(blob));
            }
            target.putManifest(source.resolve().mediaType(), document, true);
        }
    }
}
