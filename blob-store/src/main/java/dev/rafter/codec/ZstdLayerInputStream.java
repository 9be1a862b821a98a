package dev.rafter.codec;

import com.github.luben.zstd.ZstdIOException;
import com.github.luben.zstd.ZstdInputStreamNoFinalizer;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;

/** Zstd frames one after the other, with a bound on their window. */
final class ZstdLayerInputStream extends FilterInputStream {
    ZstdLayerInputStream(InputStream compressed) throws IOException {
        super(open(compressed));
    }

    private static InputStream open(InputStream compressed) throws IOException {
        ZstdInputStreamNoFinalizer zstd = new ZstdInputStreamNoFinalizer(compressed);
        zstd.setContinuous(false);
        zstd.setLongMax(LayerDecompressor.MAX_ZSTD_WINDOW_LOG);
        return zstd;
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
        try {
            return super.read(bytes, offset, length);
        } catch (ZstdIOException e) {
            throw new CorruptFrameException("zstd stream is broken: " + e.getMessage(), e);
        }
    }
}
