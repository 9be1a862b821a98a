package dev.rafter.codec;

import java.nio.ByteBuffer;

/**
 * Decodes frames. Reusable, for one thread at a time; holds native memory of a bounded size (independent of what frames claim) until
 * it is closed.
 */
public interface Decoder extends AutoCloseable {
    /**
     * Decodes one frame: takes in all that remains of {@code frame}, fills all that remains of {@code target}, and leaves both
     * without remaining bytes.
     *
     * @param frame stored bytes, a direct buffer
     * @param target where the decoded bytes go, a direct buffer of exactly their size
     * @throws CorruptFrameException if the frame is broken, has trailing bytes, or does not decode to exactly this size; what the
     *     target holds then is undefined and must not be used
     */
    void decode(ByteBuffer frame, ByteBuffer target) throws CorruptFrameException;

    @Override
    void close();
}
