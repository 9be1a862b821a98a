package dev.rafter.image;

import dev.rafter.format.CorruptImageException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;

/** A stream that is refused as soon as more comes out of it than it can sensibly hold. */
final class LimitedInputStream extends FilterInputStream {
    private final String resource;
    private final long limitBytes;
    private long left;

    /** @param resource what to call it in errors */
    LimitedInputStream(InputStream in, long limitBytes, String resource) {
        super(in);
        this.limitBytes = limitBytes;
        this.resource = resource;
        left = limitBytes;
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
        int count = in.read(bytes, offset, length);
        left -= Math.max(0, count);
        if (left < 0) {
            throw new CorruptImageException(
                    "has more than " + limitBytes + " bytes, which a layer of its size cannot sensibly hold",
                    resource,
                    CorruptImageException.NO_OFFSET);
        }
        return count;
    }

    @Override
    public long skip(long count) {
        throw new UnsupportedOperationException("what is skipped would not be counted");
    }
}
