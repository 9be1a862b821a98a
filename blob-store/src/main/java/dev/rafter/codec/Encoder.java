package dev.rafter.codec;

import java.nio.ByteBuffer;

/** Encodes frames. Reusable, for one thread at a time; holds native memory until it is closed. */
public interface Encoder extends AutoCloseable {
    /** What {@link #encode} gives when encoding saves nothing. */
    int NOT_SMALLER = -1;

    /**
     * Encodes one frame if that makes it smaller.
     *
     * @param source the bytes, a direct buffer; it stays as it is
     * @param target where the frame goes, a direct buffer with at least as many bytes remaining as the source; its position moves to
     *     the frame's end
     * @return the frame's size in bytes, less than the source's; or {@link #NOT_SMALLER}, and the target's position is as it was
     */
    int encode(ByteBuffer source, ByteBuffer target);

    @Override
    void close();
}
