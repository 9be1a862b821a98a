package dev.rafter.codec;

import com.github.luben.zstd.ZstdDecompressCtx;
import com.github.luben.zstd.ZstdException;
import java.nio.ByteBuffer;

/** Zstd frames, decoded in one call straight into the target: no window is allocated, whatever size a frame asks for. */
final class ZstdDecoder implements Decoder {
    private final ZstdDecompressCtx zstd = new ZstdDecompressCtx();

    @Override
    public void decode(ByteBuffer frame, ByteBuffer target) throws CorruptFrameException {
        Buffers.requireDirect(frame, target);
        int size = decompress(frame, target);
        if (size != target.remaining()) {
            throw CorruptFrameException.wrongSize("zstd", size, target.remaining());
        }
        Buffers.finish(frame, target);
    }

    private int decompress(ByteBuffer frame, ByteBuffer target) throws CorruptFrameException {
        try {
            return zstd.decompressDirectByteBuffer(
                    target, target.position(), target.remaining(), frame, frame.position(), frame.remaining());
        } catch (ZstdException e) {
            throw new CorruptFrameException("zstd frame is broken or longer than announced: " + e.getMessage(), e);
        }
    }

    @Override
    public void close() {
        zstd.close();
    }
}
