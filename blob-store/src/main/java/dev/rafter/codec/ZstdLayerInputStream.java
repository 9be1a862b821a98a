package dev.rafter.codec;

import com.github.luben.zstd.ZstdIOException;
import com.github.luben.zstd.ZstdInputStreamNoFinalizer;
import java.io.IOException;
import java.io.InputStream;

/** Zstd frames one after the other, with a bound on their window. */
final class ZstdLayerInputStream extends InputStream {
    private final ZstdInputStreamNoFinalizer zstd;

    ZstdLayerInputStream(InputStream compressed) throws IOException {
        zstd = new ZstdInputStreamNoFinalizer(compressed);
        zstd.setLongMax(LayerDecompressor.MAX_ZSTD_WINDOW_LOG);
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
        try {
            return zstd.read(bytes, offset, length);
        } catch (ZstdIOException e) {
            throw new CorruptFrameException("zstd stream is broken: " + e.getMessage(), e);
        }
    }

    @Override
    public void close() throws IOException {
        zstd.close();
    }
}
