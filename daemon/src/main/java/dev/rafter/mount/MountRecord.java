package dev.rafter.mount;

import dev.rafter.api.MountRequest;
import dev.rafter.image.ImageKind;
import dev.rafter.image.OpenedImage;
import dev.rafter.oci.Digest;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What is written down about a mount, so that the next daemon can take it over.
 *
 * @param id the record's own name: one directory may have had several mounts that are all still read from
 * @param digest of the image
 * @param kind of an EROFS image that is no RAFS image no device is filled by us, and nothing else is kept
 * @param bootstrap the file that is mounted
 * @param lingering whether it was unmounted, and is or was still read from by an overlay or in another mount namespace
 */
record MountRecord(
        String id, MountRequest request, Digest digest, ImageKind kind, String bootstrap, boolean lingering) {
    /** JSON may leave fields out. */
    MountRecord {
        Stream.of(id, request, request.image(), request.directory(), digest, kind, bootstrap)
                .forEach(Objects::requireNonNull);
    }

    MountRecord asLingering() {
        return new MountRecord(id, request, digest, kind, bootstrap, true);
    }

    Path directory() {
        return Path.of(request.directory());
    }

    /** Its image, if that needs no guards, no cache files and nothing else of ours: all that matters is in the kernel. */
    Optional<OpenedImage> plainImage() {
        return kind == ImageKind.EROFS
                ? Optional.of(new OpenedImage(request.image(), digest, kind, Path.of(bootstrap), List.of(), () -> {}))
                : Optional.empty();
    }
}
