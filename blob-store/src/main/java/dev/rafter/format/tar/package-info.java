/**
 * Tar archives as a stream: POSIX ustar and pax, the extensions of GNU tar (long names, numbers in base 256, sparse files) and of star and
 * libarchive (xattrs). Specified in POSIX.1-2017, "pax", and the manual of GNU tar, "Tar Internals". Names are byte strings.
 */
@NullMarked
package dev.rafter.format.tar;

import org.jspecify.annotations.NullMarked;
