package dev.rafter.codec;

import java.nio.ByteBuffer;
import net.jpountz.lz4.LZ4Exception;
import net.jpountz.lz4.LZ4Factory;
import net.jpountz.lz4.LZ4SafeDecompressor;

/** Raw LZ4 blocks. The "safe" decompressor is the one that checks every bound. */
final class Lz4Decoder implements Decoder {
    private final LZ4SafeDecompressor lz4 = LZ4Factory.fastestInstance().safeDecompressor();

    @Override
    public void decode(ByteBuffer frame, ByteBuffer target) throws CorruptFrameException {
        Buffers.requireDirect(frame, target);
        int size = decompress(frame, target);
        if (size != target.remaining()) {
            throw CorruptFrameException.wrongSize("LZ4", size, target.remaining());
        }
        Buffers.finish(frame, target);
    }

    private int decompress(ByteBuffer frame, ByteBuffer target) throws CorruptFrameException {
        if (!frame.hasRemaining()) {
            throw new CorruptFrameException("LZ4 frame is empty");
        }
        try {
            return lz4.decompress(
                    frame, frame.position(), frame.remaining(), target, target.position(), target.remaining());
        } catch (LZ4Exception e) {
            throw new CorruptFrameException("LZ4 frame is broken or longer than announced: " + e.getMessage(), e);
        }
    }

    @Override
    public void close() {}
}
