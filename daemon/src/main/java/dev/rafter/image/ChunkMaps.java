package dev.rafter.image;

import dev.rafter.blob.ChunkMap;
import dev.rafter.codec.Codec;
import dev.rafter.format.CorruptImageException;
import dev.rafter.format.rafs.Compressor;
import dev.rafter.format.rafs.RafsBlob;
import dev.rafter.format.rafs.RafsChunk;
import dev.rafter.format.rafs.RafsChunks;
import java.util.HashMap;
import java.util.Map;

/** Makes chunk maps of RAFS blobs. */
final class ChunkMaps {
    private ChunkMaps() {}

    static ChunkMap of(RafsBlob blob, RafsChunks chunks, String resource) throws CorruptImageException {
        ChunkMap.Builder map =
                ChunkMap.builder(blob.digestAlgorithm(), codec(blob.compressor()), blob.deviceSizeBytes());
        Map<Long, Integer> frames = new HashMap<>();
        try {
            for (int position = 0; position < chunks.count(); position++) {
                add(map, frames, chunks.get(position));
            }
        } catch (IllegalArgumentException e) {
            throw new CorruptImageException(
                    "blob " + blob.index() + ": " + e.getMessage(), resource, CorruptImageException.NO_OFFSET, e);
        }
        return map.build();
    }

    private static void add(ChunkMap.Builder map, Map<Long, Integer> frames, RafsChunk chunk) {
        Integer frame = frames.get(chunk.frameOffset());
        if (frame == null) {
            frame = map.addFrame(chunk.frameOffset(), chunk.frameStoredSizeBytes(), chunk.frameSizeBytes());
            frames.put(chunk.frameOffset(), frame);
        }
        map.addChunk(chunk.deviceOffset(), chunk.sizeBytes(), chunk.digest(), frame, chunk.offsetInFrame());
    }

    static Codec codec(Compressor compressor) {
        return switch (compressor) {
            case NONE -> Codec.NONE;
            case LZ4_BLOCK -> Codec.LZ4_BLOCK;
            case ZSTD -> Codec.ZSTD;
            case GZIP -> Codec.GZIP;
        };
    }
}
