/**
 * Compression of frames and layers: zstd (RFC 8878), LZ4 block, gzip (RFC 1952). The only package that knows the libraries. Frames
 * go from direct buffer to direct buffer in bounded memory; whatever is broken, or has another size than announced, is a {@link
 * dev.rafter.codec.CorruptFrameException}.
 */
@NullMarked
package dev.rafter.codec;

import org.jspecify.annotations.NullMarked;
