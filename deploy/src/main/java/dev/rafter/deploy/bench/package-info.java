/**
 * Benchmarks that print tables and write JSON: {@code cold} (from the first request for an image to the line READY over a shaped link),
 * {@code warm} (reads against a local EROFS mount of the same tree) and {@code build} (converting). All comparators of a table are
 * measured interleaved in one run; medians are of that run alone.
 */
@NullMarked
package dev.rafter.deploy.bench;

import org.jspecify.annotations.NullMarked;
