package dev.rafter.build;

import dev.rafter.codec.Encoder;
import dev.rafter.format.FileNode.ChunkRef;
import dev.rafter.format.rafs.Compressor;
import dev.rafter.format.rafs.RafsBlobPlan;
import dev.rafter.format.rafs.RafsBlobWriter;
import dev.rafter.format.rafs.RafsChunk;
import dev.rafter.format.rafs.RafsChunks;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The blob of one layer. It is planned first, so that the bootstrap can be drawn while it is written.
 *
 * @param layer number of the layer
 * @param chunks in the order of the blob
 * @param plan where they come to lie
 */
record LayerBlob(int layer, List<LayerChunk> chunks, RafsBlobPlan plan) {

    /** A blob of these chunks, which are encoded already. */
    static LayerBlob of(int layer, List<LayerChunk> chunks, BuildOptions options) {
        RafsBlobPlan plan = new RafsBlobPlan(options.chunkSizeBytes());
        for (LayerChunk chunk : chunks) {
            plan.add(chunk.key.bytes(), chunk.size, chunk.storedSize);
        }
        return new LayerBlob(layer, chunks, plan);
    }

    /** Writes the chunks, and what describes them. */
    RafsBlobWriter.Written write(ChunkEncoders encoders, BuildOptions options, Compressor compressor, Path file)
            throws IOException {
        try (FileChannel out = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
                Encoder encoder = options.newEncoder()) {
            RafsBlobWriter writer = new RafsBlobWriter(
                    out,
                    new RafsBlobWriter.Options(options.chunkSizeBytes(), compressor, options.digestAlgorithm()),
                    (_, part) -> encodePart(encoder, part));
            ByteBuffer stored = ByteBuffer.allocateDirect(options.chunkSizeBytes());
            for (LayerChunk chunk : chunks) {
                encoders.read(chunk, stored);
                writer.addChunk(chunk.key.bytes(), chunk.size, stored);
            }
            writer.finishData(false);
            return writer.finish(Optional.empty());
        }
    }

    private static Optional<ByteBuffer> encodePart(Encoder encoder, ByteBuffer part) {
        ByteBuffer target = ByteBuffer.allocateDirect(part.remaining());
        return encoder.encode(part, target) == Encoder.NOT_SMALLER ? Optional.empty() : Optional.of(target.flip());
    }

    /**
     * Tells where its chunks are.
     *
     * @param device number of the blob among the image's
     */
    void addPlaces(Map<ChunkKey, ChunkRef> places, int device) {
        RafsChunks placed = plan.chunks();
        for (int i = 0; i < placed.count(); i++) {
            RafsChunk chunk = placed.get(i);
            places.put(chunks.get(i).key, new ChunkRef(device, chunk.index(), chunk.deviceOffset(), chunk.sizeBytes()));
        }
    }
}
