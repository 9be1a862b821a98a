package dev.rafter.codec;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Random;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The JDK's own decoder and encoder are the judges. */
class GzipEncoderTest {
    private static final int BLOCK = 256 << 10;

    @ParameterizedTest
    @ValueSource(ints = {0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK, 3 * BLOCK + 12_345})
    void decodesToWhatItWasGiven(int size) throws IOException {
        byte[] random = new byte[size];
        new Random(size).nextBytes(random);
        byte[] text = text(size);
        for (byte[] content : new byte[][] {random, text, new byte[size]}) {
            try (GZIPInputStream in = new GZIPInputStream(new ByteArrayInputStream(encode(content, 3, 10_007)))) {
                assertArrayEquals(content, in.readAllBytes());
            }
        }
    }

    @Test
    void theThreadsAndThePiecesThatCameMakeNoDifference() throws IOException {
        byte[] content = text(4 * BLOCK + 17);
        byte[] expected = encode(content, 1, content.length);
        assertArrayEquals(expected, encode(content, 4, 1 << 16));
        assertArrayEquals(expected, encode(content, 2, 333));
    }

    @Test
    void isAsSmallAsAStreamThatWasNotCut() throws IOException {
        byte[] content = text(6 * BLOCK);
        ByteArrayOutputStream whole = new ByteArrayOutputStream();
        try (OutputStream gzip = new GZIPOutputStream(whole)) {
            gzip.write(content);
        }
        int size = encode(content, 2, 1 << 16).length;
        assertTrue(size < whole.size() * 1.01, size + " bytes against " + whole.size());
    }

    @Test
    void aTargetThatFailsIsHeardOf() throws IOException {
        OutputStream broken = new OutputStream() {
            private int left = 1000;

            @Override
            public void write(int b) throws IOException {
                if (--left < 0) {
                    throw new IOException("full");
                }
            }
        };
        byte[] content = text(BLOCK);
        try (GzipEncoder gzip = new GzipEncoder(broken, 2)) {
            IOException e = assertThrows(IOException.class, () -> {
                for (int i = 0; i < 100; i++) {
                    gzip.write(content);
                }
            });
            assertEquals("full", e.getMessage());
        }
    }

    private static byte[] encode(byte[] content, int threads, int piece) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (GzipEncoder gzip = new GzipEncoder(out, threads)) {
            for (int at = 0; at < content.length; at += piece) {
                gzip.write(content, at, Math.min(piece, content.length - at));
            }
            gzip.finish();
        }
        return out.toByteArray();
    }

    private static byte[] text(int size) {
        Random random = new Random(7);
        byte[] words = new byte[size];
        for (int i = 0; i < size; i++) {
            words[i] = (byte) (i > 50 && random.nextInt(8) != 0 ? words[i - 1 - random.nextInt(50)] : random.nextInt());
        }
        return words;
    }
}
