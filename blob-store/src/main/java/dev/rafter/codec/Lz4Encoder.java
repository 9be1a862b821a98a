package dev.rafter.codec;

import java.nio.ByteBuffer;
import net.jpountz.lz4.LZ4Compressor;
import net.jpountz.lz4.LZ4Exception;
import net.jpountz.lz4.LZ4Factory;

/** Raw LZ4 blocks. */
final class Lz4Encoder implements Encoder {
    private final LZ4Compressor lz4;

    Lz4Encoder(int level) {
        LZ4Factory factory = LZ4Factory.fastestInstance();
        lz4 = level == 0 ? factory.fastCompressor() : factory.highCompressor(level);
    }

    @Override
    public int encode(ByteBuffer source, ByteBuffer target) {
        Buffers.requireDirect(source, target);
        Buffers.requireRoom(source, target);
        if (source.remaining() <= 1) {
            return NOT_SMALLER;
        }
        int size = compress(source, target);
        if (size != NOT_SMALLER) {
            target.position(target.position() + size);
        }
        return size;
    }

    /** With one byte less than the source has, "does not fit" is "not smaller". */
    private int compress(ByteBuffer source, ByteBuffer target) {
        try {
            return lz4.compress(
                    source, source.position(), source.remaining(), target, target.position(), source.remaining() - 1);
        } catch (LZ4Exception _) {
            return NOT_SMALLER;
        }
    }

    @Override
    public void close() {}
}
