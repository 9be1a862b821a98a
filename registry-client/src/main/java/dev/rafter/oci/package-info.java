/**
 * The documents of the OCI image and distribution specifications, and Docker's schema 2, as immutable values:
 * digests, descriptors, manifests, indexes, image configurations, references. No I/O.
 */
@NullMarked
package dev.rafter.oci;

import org.jspecify.annotations.NullMarked;
