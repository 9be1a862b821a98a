/**
 * Layers become a RAFS image: each layer's tar is cut into chunks, digested and compressed as a stream; the trees are merged as the OCI image
 * specification says (layer.md); chunks that are the same are stored once, by the lowest layer that has them. The same input and options
 * give the same bytes, however many threads work.
 */
@NullMarked
package dev.rafter.build;

import org.jspecify.annotations.NullMarked;
