package dev.rafter.codec;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdCompressCtx;
import com.github.luben.zstd.ZstdException;
import java.nio.ByteBuffer;

/** One zstd frame with its content size and without a checksum: every chunk has a digest of its own. */
final class ZstdEncoder implements Encoder {
    private final ZstdCompressCtx zstd;

    ZstdEncoder(int level) {
        zstd = new ZstdCompressCtx().setLevel(level).setChecksum(false).setContentSize(true);
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
            return zstd.compressDirectByteBuffer(
                    target, target.position(), source.remaining() - 1, source, source.position(), source.remaining());
        } catch (ZstdException e) {
            if (e.getErrorCode() == Zstd.errDstSizeTooSmall()) {
                return NOT_SMALLER;
            }
            throw e;
        }
    }

    @Override
    public void close() {
        zstd.close();
    }
}
