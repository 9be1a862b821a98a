package dev.rafter.image;

import dev.rafter.blob.ChunkMap;
import dev.rafter.codec.Codec;
import dev.rafter.format.CorruptImageException;
import dev.rafter.format.ImageException;
import dev.rafter.format.rafs.Compressor;
import dev.rafter.format.rafs.RafsBlob;
import dev.rafter.format.rafs.RafsBlobMeta;
import dev.rafter.format.rafs.RafsBootstrap;
import dev.rafter.format.rafs.RafsChunk;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Makes chunk maps of RAFS blobs. */
final class ChunkMaps {
    private ChunkMaps() {}

    /**
     * The map of a blob.
     *
     * @param meta chunk infos, where the bootstrap needs them
     */
    static ChunkMap of(RafsBootstrap bootstrap, RafsBlob blob, @Nullable RafsBlobMeta meta, String resource)
            throws ImageException {
        ChunkMap.Builder map =
                ChunkMap.builder(blob.digestAlgorithm(), codec(blob.compressor()), blob.deviceSizeBytes());
        try {
            if (meta == null) {
                int count = bootstrap.chunkCount(blob);
                map.expect(count, count);
                bootstrap.forEachChunk(blob, chunk -> add(map, addFrame(map, chunk), chunk));
            } else {
                Map<Long, Integer> frames = new HashMap<>();
                bootstrap.forEachChunk(blob, meta, chunk -> {
                    int frame = frames.computeIfAbsent(chunk.frameOffset(), _ -> addFrame(map, chunk));
                    add(map, frame, chunk);
                });
            }
        } catch (IllegalArgumentException e) {
            throw new CorruptImageException(
                    "blob " + blob.index() + ": " + e.getMessage(), resource, CorruptImageException.NO_OFFSET, e);
        }
        return map.build();
    }

    private static int addFrame(ChunkMap.Builder map, RafsChunk chunk) {
        return map.addFrame(chunk.frameOffset(), chunk.frameStoredSizeBytes(), chunk.frameSizeBytes());
    }

    private static void add(ChunkMap.Builder map, int frame, RafsChunk chunk) {
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
