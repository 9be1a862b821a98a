package dev.rafter.image;

import dev.rafter.oci.Descriptor;
import dev.rafter.oci.Digest;
import java.util.List;

/**
 * The document {@code image.json} beside a stored bootstrap: all that is needed to mount the image again without asking anybody.
 *
 * @param reference where it came from, and where its blobs are fetched
 * @param digest of the manifest; of an image file, of the file
 * @param bootstrap digest of {@code bootstrap.erofs}
 * @param bootstrapBytes its size
 * @param layers of the manifest, the bootstrap's last; none of an image file
 * @param blobs in the order of the device table
 */
public record StoredImage(
        String reference,
        Digest digest,
        ImageKind kind,
        Digest bootstrap,
        long bootstrapBytes,
        List<Digest> layers,
        List<Descriptor> blobs) {
    public StoredImage {
        layers = List.copyOf(layers);
        blobs = List.copyOf(blobs);
    }
}
