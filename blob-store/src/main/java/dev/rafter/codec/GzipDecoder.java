package dev.rafter.codec;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * Gzip members, each checked against the checksum and the size in its trailer.
 *
 * @see <a href="https://www.rfc-editor.org/rfc/rfc1952">RFC 1952</a>
 */
final class GzipDecoder implements Decoder {
    private static final int TRAILER_SIZE_BYTES = 8;
    private final Inflater inflater = new Inflater(true);
    private final ByteBuffer overrun = ByteBuffer.allocate(1);

    @Override
    public void decode(ByteBuffer frame, ByteBuffer target) throws CorruptFrameException {
        Buffers.requireDirect(frame, target);
        if (!frame.hasRemaining()) {
            throw new CorruptFrameException("gzip frame is empty");
        }
        int size = target.remaining();
        while (frame.hasRemaining()) {
            if (!GzipHeader.skip(frame)) {
                throw new CorruptFrameException("gzip frame ends within its header");
            }
            inflateMember(frame, target, size);
        }
        if (target.hasRemaining()) {
            throw CorruptFrameException.wrongSize("gzip", size - target.remaining(), size);
        }
    }

    private void inflateMember(ByteBuffer frame, ByteBuffer target, int size) throws CorruptFrameException {
        int start = target.position();
        inflater.reset();
        inflater.setInput(frame);
        try {
            while (!inflater.finished()) {
                inflateSome(target, size);
            }
        } catch (DataFormatException e) {
            throw new CorruptFrameException("gzip frame is broken: " + e.getMessage(), e);
        }
        checkTrailer(frame, target.duplicate().flip().position(start));
    }

    private void inflateSome(ByteBuffer target, int size) throws DataFormatException, CorruptFrameException {
        overrun.clear();
        int count = inflater.inflate(target.hasRemaining() ? target : overrun);
        if (overrun.position() > 0) {
            throw new CorruptFrameException("gzip frame decodes to more than the " + size + " bytes announced");
        }
        if (count == 0 && !inflater.finished()) {
            throw new CorruptFrameException("gzip frame ends early or needs a dictionary");
        }
    }

    private static void checkTrailer(ByteBuffer frame, ByteBuffer decoded) throws CorruptFrameException {
        if (frame.remaining() < TRAILER_SIZE_BYTES) {
            throw new CorruptFrameException("gzip frame ends within its trailer");
        }
        int size = decoded.remaining();
        CRC32 crc = new CRC32();
        crc.update(decoded);
        ByteBuffer trailer = frame.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        if (trailer.getInt() != (int) crc.getValue() || trailer.getInt() != size) {
            throw new CorruptFrameException("gzip frame does not match the checksum or size in its trailer");
        }
        frame.position(frame.position() + TRAILER_SIZE_BYTES);
    }

    @Override
    public void close() {
        inflater.end();
    }
}
