package dev.rafter.codec;

import java.nio.ByteBuffer;

/** Checks of buffers: the libraries take addresses, so a wrong buffer must never reach them. */
final class Buffers {
    private Buffers() {}

    static void requireDirect(ByteBuffer source, ByteBuffer target) {
        if (!source.isDirect() || !target.isDirect()) {
            throw new IllegalArgumentException(
                    "buffers must be direct: source=" + source.isDirect() + " target=" + target.isDirect());
        }
        if (target.isReadOnly()) {
            throw new IllegalArgumentException("target is read only");
        }
    }

    static void requireRoom(ByteBuffer source, ByteBuffer target) {
        if (target.remaining() < source.remaining()) {
            throw new IllegalArgumentException(
                    "target has room for " + target.remaining() + " bytes, the source has " + source.remaining());
        }
    }

    static void finish(ByteBuffer source, ByteBuffer target) {
        source.position(source.limit());
        target.position(target.limit());
    }
}
