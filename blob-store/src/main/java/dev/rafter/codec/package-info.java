/**
 * Compression of frames and layers: zstd, LZ4 block, gzip. The only package that knows the libraries.
 */
@NullMarked
package dev.rafter.codec;

import org.jspecify.annotations.NullMarked;
