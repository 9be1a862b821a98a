/**
 * EROFS, the read-only filesystem of the Linux kernel: a strict reader ({@link dev.rafter.format.erofs.ErofsImage}) and a
 * deterministic writer ({@link dev.rafter.format.erofs.ErofsWriter}) of uncompressed images and of bootstraps whose files lie in
 * other devices. {@link dev.rafter.format.erofs.ErofsLayout} is the map of the format.
 *
 * <p>Specified by the kernel's {@code fs/erofs/erofs_fs.h} and {@code Documentation/filesystems/erofs.rst}.
 */
@NullMarked
package dev.rafter.format.erofs;

import org.jspecify.annotations.NullMarked;
