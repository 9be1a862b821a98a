package dev.rafter.format.erofs;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;

/** Writes an image from its first byte to its last, little endian, and knows where it is. Not thread safe. */
final class ImageOutput {
    private static final int BUFFER_SIZE = 1 << 18;

    private final WritableByteChannel channel;
    private final ByteBuffer buffer = ByteBuffer.allocate(BUFFER_SIZE).order(ByteOrder.LITTLE_ENDIAN);
    private long flushed;

    ImageOutput(WritableByteChannel channel) {
        this.channel = channel;
    }

    long position() {
        return flushed + buffer.position();
    }

    void u8(int value) throws IOException {
        room(Byte.BYTES).put((byte) value);
    }

    void u16(int value) throws IOException {
        room(Short.BYTES).putShort((short) value);
    }

    void u32(long value) throws IOException {
        room(Integer.BYTES).putInt((int) value);
    }

    void u64(long value) throws IOException {
        room(Long.BYTES).putLong(value);
    }

    void bytes(byte[] bytes) throws IOException {
        bytes(bytes, 0, bytes.length);
    }

    void bytes(byte[] bytes, int offset, int length) throws IOException {
        int done = 0;
        while (done < length) {
            int piece = Math.min(length - done, room(1).remaining());
            buffer.put(bytes, offset + done, piece);
            done += piece;
        }
    }

    void zeros(long count) throws IOException {
        long left = count;
        while (left > 0) {
            int piece = (int) Math.min(left, room(1).remaining());
            buffer.put(new byte[piece]);
            left -= piece;
        }
    }

    /** Zeros up to a multiple of a power of two. */
    void align(int unit) throws IOException {
        zeros(-position() & (unit - 1));
    }

    /** Zeros up to an offset that was planned. */
    void padTo(long offset) throws IOException {
        if (offset < position()) {
            throw new IllegalStateException("position=" + position() + " is behind the planned offset=" + offset);
        }
        zeros(offset - position());
    }

    private ByteBuffer room(int bytes) throws IOException {
        if (buffer.remaining() < bytes) {
            flush();
        }
        return buffer;
    }

    void flush() throws IOException {
        flushed += buffer.position();
        buffer.flip();
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
        buffer.clear();
    }
}
