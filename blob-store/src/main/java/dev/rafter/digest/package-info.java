/**
 * Digests of chunks: SHA-256 and BLAKE3 (https://github.com/BLAKE3-team/BLAKE3-specs).
 */
@NullMarked
package dev.rafter.digest;

import org.jspecify.annotations.NullMarked;
