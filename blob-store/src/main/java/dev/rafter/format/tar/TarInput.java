package dev.rafter.format.tar;

import dev.rafter.format.CorruptImageException;
import java.io.IOException;
import java.io.InputStream;

/** Reads an archive's bytes in order and knows where it is. */
final class TarInput {
    private final InputStream in;
    private final String resource;
    private long position;

    TarInput(InputStream in, String resource) {
        this.in = in;
        this.resource = resource;
    }

    String resource() {
        return resource;
    }

    long position() {
        return position;
    }

    int read(byte[] target, int offset, int length) throws IOException {
        int count = in.read(target, offset, length);
        position += Math.max(count, 0);
        return count;
    }

    /** A whole block; an empty array at the end of the stream. */
    byte[] block() throws IOException {
        byte[] block = in.readNBytes(TarLayout.BLOCK_SIZE);
        position += block.length;
        if (block.length != 0 && block.length != TarLayout.BLOCK_SIZE) {
            throw cut();
        }
        return block;
    }

    /** Bytes, and their padding. */
    byte[] padded(int size) throws IOException {
        byte[] bytes = in.readNBytes(size);
        position += bytes.length;
        if (bytes.length != size) {
            throw cut();
        }
        skip(TarLayout.padding(size));
        return bytes;
    }

    void skip(long count) throws IOException {
        byte[] scratch = new byte[(int) Math.min(count, 64 << 10)];
        for (long left = count; left > 0; ) {
            int read = read(scratch, 0, (int) Math.min(left, scratch.length));
            if (read < 0) {
                throw cut();
            }
            left -= read;
        }
    }

    /** Padding behind contents may be missing at the end of the stream: some tools write no more there, and all readers take it. */
    void skipPadding(int count) throws IOException {
        position += in.readNBytes(count).length;
    }

    /** Reads to the end of the stream: what decompresses or verifies it checks itself there. */
    void drain() throws IOException {
        byte[] scratch = new byte[64 << 10];
        while (read(scratch, 0, scratch.length) >= 0) {
            // nothing to keep
        }
    }

    CorruptImageException cut() {
        return corrupt("the archive is cut short", position);
    }

    CorruptImageException corrupt(String problem, long offset) {
        return new CorruptImageException(problem, resource, offset);
    }
}
