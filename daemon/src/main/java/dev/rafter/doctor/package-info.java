/**
 * What a node needs for lazy mounts, and whether it has it. The kernel is asked by doing, with files of its own, what a mount does; version
 * numbers decide nothing, since distributions take features over and leave them out.
 */
@NullMarked
package dev.rafter.doctor;

import org.jspecify.annotations.NullMarked;
