package dev.rafter.build;

import dev.rafter.format.FileNode.ChunkRef;
import org.jspecify.annotations.Nullable;

/** A distinct chunk of a layer: where its encoded bytes are kept until the blobs are written. */
final class LayerChunk {
    /** Not encoded, because a lower layer, or a dictionary, has the chunk. */
    static final long ELSEWHERE = -1;

    final ChunkKey key;
    final int size;
    /** What kind of file had it first, for the order in the blob. */
    final FileKind kind;

    final int sequence;
    volatile long spoolOffset = ELSEWHERE;
    volatile int storedSize;
    /** Where the image has it, when all blobs are planned. */
    @Nullable
    ChunkRef place;

    LayerChunk(ChunkKey key, int size, FileKind kind, int sequence) {
        this.key = key;
        this.size = size;
        this.kind = kind;
        this.sequence = sequence;
    }

    FileKind kind() {
        return kind;
    }

    int sequence() {
        return sequence;
    }
}
