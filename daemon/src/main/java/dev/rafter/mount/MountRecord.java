package dev.rafter.mount;

import dev.rafter.api.MountRequest;
import dev.rafter.oci.Digest;

/**
 * What is written down about a mount, so that the next daemon can take it over.
 *
 * @param id the record's own name: one directory may have had several mounts that are all still read from
 * @param digest of the image that is kept under {@code images}
 * @param lingering whether it was unmounted, and is or was still read from by an overlay or in another mount namespace
 */
record MountRecord(String id, MountRequest request, Digest digest, boolean lingering) {
    MountRecord asLingering() {
        return new MountRecord(id, request, digest, true);
    }
}
