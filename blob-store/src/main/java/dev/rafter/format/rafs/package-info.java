/**
 * RAFS v6, the image format of Nydus: EROFS images (bootstraps) whose files lie in blobs, with tables of its own that say where each
 * chunk's bytes are stored and what their digest is. {@link dev.rafter.format.rafs.RafsLayout} is the map of the format; {@link
 * dev.rafter.format.rafs.RafsBootstrap}, {@link dev.rafter.format.rafs.RafsBlobMeta} and {@link dev.rafter.format.rafs.RafsToc} read,
 * {@link dev.rafter.format.rafs.RafsBlobWriter} and {@link dev.rafter.format.rafs.RafsBootstrapWriter} write.
 *
 * <p>Specified by https://github.com/dragonflyoss/nydus: {@code rafs/src/metadata/layout/v6.rs} and {@code storage/src/meta}.
 */
@NullMarked
package dev.rafter.format.rafs;

import org.jspecify.annotations.NullMarked;
