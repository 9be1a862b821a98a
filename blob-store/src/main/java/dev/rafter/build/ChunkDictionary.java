package dev.rafter.build;

import dev.rafter.format.CorruptImageException;
import dev.rafter.format.FileNode.ChunkRef;
import dev.rafter.format.rafs.RafsBlob;
import dev.rafter.format.rafs.RafsBootstrap;
import dev.rafter.format.rafs.RafsChunk;
import dev.rafter.format.rafs.RafsChunks;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Chunks of images that exist already: a new image refers to them instead of storing them again. */
public final class ChunkDictionary {
    private final List<Blob> blobs = new ArrayList<>();
    private final Map<ChunkKey, ChunkRef> places = new HashMap<>();

    /** A blob of such an image, and its chunks. */
    record Blob(RafsBlob blob, RafsChunks chunks) {}

    /**
     * Takes in all chunks of an image.
     *
     * @throws IllegalArgumentException if they cannot be shared with an image of these options; the message says why
     */
    public void add(RafsBootstrap image, BuildOptions options) throws CorruptImageException {
        if (!ImageBuilder.fits(image.digestAlgorithm(), options)
                || image.chunkSizeBytes() != options.chunkSizeBytes()) {
            throw new IllegalArgumentException("it has chunks of " + image.chunkSizeBytes() + " bytes with "
                    + image.digestAlgorithm() + " digests, the new image of " + options.chunkSizeBytes()
                    + " bytes with "
                    + options.digestAlgorithm() + ": use the same --chunk-size and --digester");
        }
        for (RafsBlob blob : image.blobs()) {
            if (blob.isBatched() || blob.isZran()) {
                throw new IllegalArgumentException("its blob " + blob.id() + " has batched or referenced chunks");
            }
            RafsChunks chunks = image.chunks(blob);
            blobs.add(new Blob(blob, chunks));
            for (int i = 0; i < chunks.count(); i++) {
                RafsChunk chunk = chunks.get(i);
                places.putIfAbsent(
                        ChunkKey.of(chunk.digest()),
                        new ChunkRef(blobs.size(), chunk.index(), chunk.deviceOffset(), chunk.sizeBytes()));
            }
        }
    }

    List<Blob> blobs() {
        return blobs;
    }

    Map<ChunkKey, ChunkRef> places() {
        return places;
    }
}
