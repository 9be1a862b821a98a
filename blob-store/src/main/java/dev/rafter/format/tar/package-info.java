/**
 * Tar archives: POSIX.1-2001 (ustar and pax), GNU's long names, base-256 numbers and sparse files, and the xattr records that image layers use
 * ({@code SCHILY.xattr.*}). Names, link targets and xattr names are byte strings.
 */
@NullMarked
package dev.rafter.format.tar;

import org.jspecify.annotations.NullMarked;
