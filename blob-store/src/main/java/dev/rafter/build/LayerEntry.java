package dev.rafter.build;

import dev.rafter.format.tar.TarEntry;
import java.util.List;

/**
 * A member of a layer, with the chunks of its contents.
 *
 * @param chunks of a regular file, in order; else none
 */
record LayerEntry(TarEntry entry, List<LayerChunk> chunks) {}
