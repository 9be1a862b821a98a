package dev.rafter.build;

import dev.rafter.format.tar.TarEntry;
import java.util.List;

/**
 * An entry of a layer, with the chunks of its contents.
 *
 * @param offset where in the layer it is, for errors
 * @param chunks of a regular file, in order; else none
 */
record LayerEntry(TarEntry entry, long offset, List<LayerChunk> chunks) {}
