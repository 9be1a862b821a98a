package dev.rafter.codec;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.github.luben.zstd.Zstd;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class LayerDecompressorTest {
    private static final byte[] DATA = data();

    @Test
    void gzipOfManyMembersAndPadding() throws IOException {
        byte[] half1 = CodecTest.gzip(Arrays.copyOf(DATA, 100_000));
        byte[] half2 = CodecTest.gzip(Arrays.copyOfRange(DATA, 100_000, DATA.length));
        assertArrayEquals(DATA, read(concat(half1, CodecTest.gzip(new byte[0]), half2)));
        assertArrayEquals(DATA, read(concat(half1, half2, new byte[512])));
    }

    @Test
    void gzipInTinyReads() throws IOException {
        byte[] layer = concat(CodecTest.gzip(DATA), CodecTest.gzip(DATA));
        InputStream trickle = new ByteArrayInputStream(layer) {
            @Override
            public synchronized int read(byte[] b, int off, int len) {
                return super.read(b, off, Math.min(len, 3));
            }
        };
        try (InputStream in = LayerDecompressor.open(trickle)) {
            assertArrayEquals(concat(DATA, DATA), in.readAllBytes());
        }
    }

    @Test
    void gzipFaults() throws IOException {
        byte[] layer = CodecTest.gzip(DATA);
        for (int size = 2; size < layer.length; size += size < 20 || size > layer.length - 20 ? 1 : 997) {
            byte[] cut = Arrays.copyOf(layer, size);
            assertThrows(CorruptFrameException.class, () -> read(cut), "cut to " + size);
        }
        assertThrows(CorruptFrameException.class, () -> read(concat(layer, new byte[] {'x'})));
        assertThrows(CorruptFrameException.class, () -> read(concat(layer, new byte[] {0, 0, 7})));
        byte[] crc = layer.clone();
        crc[layer.length - 8] ^= 1;
        assertThrows(CorruptFrameException.class, () -> read(crc));
        byte[] size = layer.clone();
        size[layer.length - 1] ^= 1;
        assertThrows(CorruptFrameException.class, () -> read(size));
    }

    @Test
    void zstdOfManyFrames() throws IOException {
        byte[] layer = concat(Zstd.compress(DATA), skippable(), Zstd.compress(DATA));
        assertArrayEquals(concat(DATA, DATA), read(layer));
        assertArrayEquals(DATA, read(concat(skippable(), Zstd.compress(DATA))));
    }

    @Test
    void zstdFaults() throws IOException {
        byte[] layer = Zstd.compress(DATA);
        for (int size = 4; size < layer.length; size += size < 20 || size > layer.length - 20 ? 1 : 997) {
            byte[] cut = Arrays.copyOf(layer, size);
            assertThrows(CorruptFrameException.class, () -> read(cut), "cut to " + size);
        }
        assertThrows(CorruptFrameException.class, () -> read(concat(layer, new byte[] {'x', 'y', 'z', 'a', 'b'})));
        assertThrows(CorruptFrameException.class, () -> read(concat(layer, new byte[] {'x'})));
    }

    @Test
    void zstdWindowIsBounded() throws IOException {
        assertArrayEquals(new byte[] {9}, read(withWindow(LayerDecompressor.MAX_ZSTD_WINDOW_LOG)));
        assertThrows(CorruptFrameException.class, () -> read(withWindow(LayerDecompressor.MAX_ZSTD_WINDOW_LOG + 1)));
    }

    @Test
    void anythingElseIsStored() throws IOException {
        assertArrayEquals(DATA, read(DATA));
        assertArrayEquals(new byte[] {5}, read(new byte[] {5}));
        assertArrayEquals(new byte[0], read(new byte[0]));
    }

    /** A frame by hand, with one raw block of one byte (RFC 8878, 3.1.1): the library does not write such windows. */
    private static byte[] withWindow(int windowLog) {
        byte windowDescriptor = (byte) ((windowLog - 10) << 3);
        return new byte[] {0x28, (byte) 0xB5, 0x2F, (byte) 0xFD, 0, windowDescriptor, 1 | 1 << 3, 0, 0, 9};
    }

    private static byte[] skippable() {
        return new byte[] {0x53, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3};
    }

    private static byte[] read(byte[] layer) throws IOException {
        try (InputStream in = LayerDecompressor.open(new ByteArrayInputStream(layer))) {
            return in.readAllBytes();
        }
    }

    private static byte[] concat(byte[]... parts) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            out.writeBytes(part);
        }
        return out.toByteArray();
    }

    private static byte[] data() {
        byte[] data = new byte[300_000];
        new Random(3).nextBytes(data);
        Arrays.fill(data, 50_000, 250_000, (byte) 'a');
        return data;
    }
}
