/**
 * Mounts of images: the bootstrap on disk, a guarded cache file for each device, EROFS over them, and reads answered until they are
 * unmounted.
 */
@NullMarked
package dev.rafter.mount;

import org.jspecify.annotations.NullMarked;
