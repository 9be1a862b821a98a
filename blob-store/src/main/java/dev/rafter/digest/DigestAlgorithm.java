package dev.rafter.digest;

/** How chunks are digested; both give 32 bytes. */
public enum DigestAlgorithm {
    SHA256,
    BLAKE3;

    /** Bytes of a digest. */
    public static final int DIGEST_SIZE_BYTES = 32;

    /** A hasher of this algorithm: reusable, for one thread at a time. */
    public Hasher newHasher() {
        return switch (this) {
            case SHA256 -> new Sha256Hasher();
            case BLAKE3 -> new Blake3Hasher();
        };
    }
}
