package dev.rafter.codec;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * Gzip members one after the other. Stricter than the JDK's stream, which takes anything behind a member that is not a header for the
 * end: here only further members, or padding with zeros (which tar tools and some registries leave), may follow.
 */
final class GzipLayerInputStream extends InputStream {
    /** Also the longest header (extra field, name, comment) that is taken. */
    private static final int BUFFER_SIZE_BYTES = 64 * 1024;

    private static final int TRAILER_SIZE_BYTES = 8;

    private final InputStream compressed;
    private final Inflater inflater = new Inflater(true);
    private final CRC32 crc = new CRC32();
    private final ByteBuffer input = ByteBuffer.allocate(BUFFER_SIZE_BYTES).limit(0);
    private boolean inMember;
    private boolean ended;

    GzipLayerInputStream(InputStream compressed) {
        this.compressed = compressed;
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
        if (length == 0) {
            return 0;
        }
        while (!ended) {
            if (!inMember) {
                beginMember();
            } else {
                int count = inflate(bytes, offset, length);
                if (count > 0) {
                    return count;
                }
            }
        }
        return -1;
    }

    private int inflate(byte[] bytes, int offset, int length) throws IOException {
        try {
            int count = inflater.inflate(bytes, offset, length);
            crc.update(bytes, offset, count);
            if (inflater.finished()) {
                finishMember();
            } else if (count == 0) {
                feedInflater();
            }
            return count;
        } catch (DataFormatException e) {
            throw new CorruptFrameException("gzip stream is broken: " + e.getMessage(), e);
        }
    }

    private void feedInflater() throws IOException {
        if (inflater.needsDictionary()) {
            throw new CorruptFrameException("gzip stream needs a dictionary");
        }
        if (!input.hasRemaining() && !fill()) {
            throw new CorruptFrameException("gzip stream ends early", new EOFException());
        }
        inflater.setInput(input);
    }

    private void beginMember() throws IOException {
        require(1);
        if (skipZeros()) {
            return;
        }
        while (!GzipHeader.skip(input)) {
            if (input.remaining() == BUFFER_SIZE_BYTES || !fill()) {
                throw new CorruptFrameException("gzip stream ends within a header");
            }
        }
        inflater.reset();
        inflater.setInput(input);
        crc.reset();
        inMember = true;
    }

    /** Zeros to the end, which count as the end. */
    private boolean skipZeros() throws IOException {
        if (!input.hasRemaining()) {
            ended = true;
            return true;
        }
        if (input.get(input.position()) != 0) {
            return false;
        }
        do {
            while (input.hasRemaining()) {
                if (input.get() != 0) {
                    throw new CorruptFrameException("gzip stream is followed by bytes that are not gzip");
                }
            }
        } while (fill());
        ended = true;
        return true;
    }

    private void finishMember() throws IOException {
        long size = inflater.getBytesWritten();
        require(TRAILER_SIZE_BYTES);
        if (input.remaining() < TRAILER_SIZE_BYTES) {
            throw new CorruptFrameException("gzip stream ends within a trailer");
        }
        if (readInt() != (int) crc.getValue() || readInt() != (int) size) {
            throw new CorruptFrameException("gzip stream does not match the checksum or size in its trailer");
        }
        inMember = false;
    }

    private int readInt() {
        return (input.get() & 0xFF)
                | (input.get() & 0xFF) << 8
                | (input.get() & 0xFF) << 16
                | (input.get() & 0xFF) << 24;
    }

    private void require(int count) throws IOException {
        boolean more = true;
        while (more && input.remaining() < count) {
            more = fill();
        }
    }

    /** Reads more behind what is left, which moves to the front; false at the end. */
    private boolean fill() throws IOException {
        input.compact();
        int count = compressed.read(input.array(), input.position(), input.remaining());
        if (count > 0) {
            input.position(input.position() + count);
        }
        input.flip();
        return count > 0;
    }

    @Override
    public void close() throws IOException {
        inflater.end();
        compressed.close();
    }
}
