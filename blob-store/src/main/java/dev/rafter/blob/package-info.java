/**
 * Blobs on the node: chunk maps, sparse cache files of decoded bytes, and the ready maps that say which chunks
 * are verified and on disk.
 */
@NullMarked
package dev.rafter.blob;

import org.jspecify.annotations.NullMarked;
