package dev.rafter.digest;

/** How chunks are digested; both give 32 bytes. */
public enum DigestAlgorithm {
    SHA256,
    BLAKE3;

    /** Bytes of a digest. */
    public static final int DIGEST_SIZE_BYTES = 32;
}
