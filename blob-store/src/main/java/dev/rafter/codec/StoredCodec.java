package dev.rafter.codec;

import java.nio.ByteBuffer;

/** Frames that are stored as they are. */
final class StoredCodec implements Decoder, Encoder {
    @Override
    public void decode(ByteBuffer frame, ByteBuffer target) throws CorruptFrameException {
        if (frame.remaining() != target.remaining()) {
            throw CorruptFrameException.wrongSize("stored", frame.remaining(), target.remaining());
        }
        target.put(frame);
    }

    @Override
    public int encode(ByteBuffer source, ByteBuffer target) {
        return NOT_SMALLER;
    }

    @Override
    public void close() {}
}
