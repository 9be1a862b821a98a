package dev.rafter.codec;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;

/** The header of a gzip member. @see <a href="https://www.rfc-editor.org/rfc/rfc1952">RFC 1952, 2.3</a> */
final class GzipHeader {
    static final int MAGIC_1 = 0x1f;
    static final int MAGIC_2 = 0x8b;
    private static final int METHOD_DEFLATE = 8;
    private static final int FIXED_REST_BYTES = 6;
    private static final int FLAG_HEADER_CRC = 2;
    private static final int FLAG_EXTRA = 4;
    private static final int FLAG_NAME = 8;
    private static final int FLAG_COMMENT = 16;
    private static final int FLAGS_RESERVED = 0xE0;

    private GzipHeader() {}

    /**
     * Moves the buffer's position behind the header.
     *
     * @return false, and the position is as it was, if the header goes on behind the buffer
     */
    static boolean skip(ByteBuffer frame) throws CorruptFrameException {
        int start = frame.position();
        try {
            skipFields(frame);
            return true;
        } catch (BufferUnderflowException _) {
            frame.position(start);
            return false;
        }
    }

    private static void skipFields(ByteBuffer frame) throws CorruptFrameException {
        if ((frame.get() & 0xFF) != MAGIC_1 || (frame.get() & 0xFF) != MAGIC_2) {
            throw new CorruptFrameException("gzip frame does not begin with the gzip magic");
        }
        if (frame.get() != METHOD_DEFLATE) {
            throw new CorruptFrameException("gzip frame uses an unknown method of compression");
        }
        int flags = frame.get();
        if ((flags & FLAGS_RESERVED) != 0) {
            throw new CorruptFrameException("gzip frame has reserved flags set");
        }
        skipBytes(frame, FIXED_REST_BYTES);
        if ((flags & FLAG_EXTRA) != 0) {
            skipBytes(frame, (frame.get() & 0xFF) | (frame.get() & 0xFF) << 8);
        }
        if ((flags & FLAG_NAME) != 0) {
            skipText(frame);
        }
        if ((flags & FLAG_COMMENT) != 0) {
            skipText(frame);
        }
        if ((flags & FLAG_HEADER_CRC) != 0) {
            skipBytes(frame, 2);
        }
    }

    private static void skipBytes(ByteBuffer frame, int count) {
        if (frame.remaining() < count) {
            throw new BufferUnderflowException();
        }
        frame.position(frame.position() + count);
    }

    private static void skipText(ByteBuffer frame) {
        byte next;
        do {
            next = frame.get();
        } while (next != 0);
    }
}
