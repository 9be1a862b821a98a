package dev.rafter.digest;

import java.nio.ByteBuffer;

/** Computes digests of 32 bytes, one after the other. Not thread safe. */
public interface Hasher {
    /** Takes in all that remains of a buffer, direct or not; its position moves to its limit. */
    void update(ByteBuffer bytes);

    void update(byte[] bytes, int offset, int length);

    /** The digest of all bytes since the last call; the hasher is fresh afterwards. */
    byte[] digest();
}
