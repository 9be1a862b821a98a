/**
 * Images on disk: OCI layout directories (OCI image specification, image-layout.md), and the tar files that "docker save" writes,
 * old (manifest.json and layers) and new (an OCI layout in a tar). Archives are read in place, never unpacked.
 */
@NullMarked
package dev.rafter.registry.layout;

import org.jspecify.annotations.NullMarked;
