package dev.rafter.build;

import dev.rafter.codec.Codec;
import dev.rafter.codec.Encoder;
import dev.rafter.digest.DigestAlgorithm;

/**
 * How an image is built.
 *
 * @param chunkSizeBytes a power of two from 4 KiB to 16 MiB
 * @param codec NONE, LZ4_BLOCK or ZSTD
 * @param level of zstd; the other codecs have one speed
 * @param threads that compress; fewer where chunks are so large that their buffers would not fit into memory
 */
public record BuildOptions(int chunkSizeBytes, Codec codec, DigestAlgorithm digestAlgorithm, int level, int threads) {
    /**
     * Small enough that a program's start fetches little that it does not read, large enough that text compresses well; the measurements
     * are in docs/benchmarks.md.
     */
    public static final int DEFAULT_CHUNK_SIZE_BYTES = 256 << 10;

    public static final BuildOptions DEFAULTS = new BuildOptions(
            DEFAULT_CHUNK_SIZE_BYTES,
            Codec.ZSTD,
            DigestAlgorithm.SHA256,
            Codec.DEFAULT_ZSTD_LEVEL,
            Runtime.getRuntime().availableProcessors());

    /** What threads may have in buffers, each of three chunks. */
    private static final int MAX_BUFFERED_BYTES = 144 << 20;

    private static final int BUFFERS = 3;

    public BuildOptions {
        threads = Math.clamp(MAX_BUFFERED_BYTES / ((long) BUFFERS * chunkSizeBytes), 1, Math.max(1, threads));
    }

    /** An encoder of the codec; to be closed. */
    Encoder newEncoder() {
        return codec == Codec.ZSTD ? codec.newEncoder(level) : codec.newEncoder();
    }
}
