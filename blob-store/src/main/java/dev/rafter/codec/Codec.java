package dev.rafter.codec;

/** How the bytes of a frame are stored. */
public enum Codec {
    /** As they are. */
    NONE,
    /** A raw LZ4 block without a size prefix. */
    LZ4_BLOCK,
    /** One or more zstd frames (RFC 8878). */
    ZSTD,
    /** One or more gzip members (RFC 1952). */
    GZIP;

    /** The level that {@link #newEncoder()} takes for zstd: the one that the reference tools build images with. */
    public static final int DEFAULT_ZSTD_LEVEL = 3;

    /** A decoder of such frames: reusable, for one thread at a time, to be closed. */
    public Decoder newDecoder() {
        return switch (this) {
            case NONE -> new StoredCodec();
            case LZ4_BLOCK -> new Lz4Decoder();
            case ZSTD -> new ZstdDecoder();
            case GZIP -> new GzipDecoder();
        };
    }

    /** An encoder at the codec's usual level. */
    public Encoder newEncoder() {
        return newEncoder(this == ZSTD ? DEFAULT_ZSTD_LEVEL : 0);
    }

    /**
     * An encoder: reusable, for one thread at a time, to be closed. Output is deterministic: the same bytes and level give the same
     * frame.
     *
     * @param level zstd: 1 to 22; LZ4: 0 is fast, 1 to 17 high compression; without meaning for NONE
     * @throws UnsupportedOperationException for GZIP: frames of gzip are read, never written
     */
    public Encoder newEncoder(int level) {
        return switch (this) {
            case NONE -> new StoredCodec();
            case LZ4_BLOCK -> new Lz4Encoder(level);
            case ZSTD -> new ZstdEncoder(level);
            case GZIP -> throw new UnsupportedOperationException("frames are not written in gzip");
        };
    }
}
