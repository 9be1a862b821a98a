package dev.rafter.mount;

import dev.rafter.api.MountRequest;
import dev.rafter.oci.Digest;

/**
 * What is written down about a mount, so that the next daemon can take it over.
 *
 * @param digest of the image that is kept under {@code images}
 */
record MountRecord(MountRequest request, Digest digest) {}
