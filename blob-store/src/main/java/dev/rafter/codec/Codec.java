package dev.rafter.codec;

/** How the bytes of a frame are stored. */
public enum Codec {
    /** As they are. */
    NONE,
    /** A raw LZ4 block without a size prefix. */
    LZ4_BLOCK,
    /** One or more zstd frames (RFC 8878). */
    ZSTD,
    /** A gzip member (RFC 1952). */
    GZIP
}
