package dev.rafter.codec;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

class CodecTest {
    private static final byte[] TEXT =
            "the quick brown fox jumps over the lazy dog; ".repeat(2000).getBytes(StandardCharsets.UTF_8);

    @ParameterizedTest
    @EnumSource(Codec.class)
    void decodesWhatWasEncoded(Codec codec) throws IOException {
        ByteBuffer frame = frame(codec, TEXT);
        ByteBuffer decoded = ByteBuffer.allocateDirect(TEXT.length);
        try (Decoder decoder = codec.newDecoder()) {
            for (int round = 0; round < 3; round++) {
                decoded.clear();
                decoder.decode(frame.duplicate(), decoded);
                assertFalse(decoded.hasRemaining());
                assertArrayEquals(TEXT, bytes(decoded.flip()));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Codec.class)
    void respectsPositionsAndLimits(Codec codec) throws IOException {
        ByteBuffer frame = frame(codec, TEXT);
        ByteBuffer shifted = ByteBuffer.allocateDirect(frame.remaining() + 20);
        shifted.position(7).put(frame.duplicate()).flip().position(7);
        ByteBuffer target = ByteBuffer.allocateDirect(TEXT.length + 9);
        target.position(5).limit(5 + TEXT.length);
        try (Decoder decoder = codec.newDecoder()) {
            decoder.decode(shifted, target);
        }
        assertFalse(shifted.hasRemaining());
        assertEquals(5 + TEXT.length, target.position());
        assertArrayEquals(TEXT, bytes(target.flip().position(5)));
        target.clear();
        assertEquals(0, target.get(4));
        assertEquals(0, target.get(5 + TEXT.length));
    }

    @ParameterizedTest
    @EnumSource(Codec.class)
    void refusesAnotherSizeThanAnnounced(Codec codec) throws IOException {
        ByteBuffer frame = frame(codec, TEXT);
        try (Decoder decoder = codec.newDecoder()) {
            for (int size : new int[] {0, 1, TEXT.length - 1, TEXT.length + 1}) {
                ByteBuffer target = ByteBuffer.allocateDirect(size);
                assertThrows(CorruptFrameException.class, () -> decoder.decode(frame.duplicate(), target), "" + size);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(value = Codec.class, mode = Mode.EXCLUDE, names = "NONE")
    void refusesFramesCutShort(Codec codec) throws IOException {
        ByteBuffer frame = frame(codec, TEXT);
        try (Decoder decoder = codec.newDecoder()) {
            for (int size = 0; size < frame.limit(); size++) {
                ByteBuffer cut = frame.duplicate().limit(size);
                ByteBuffer target = ByteBuffer.allocateDirect(TEXT.length);
                assertThrows(CorruptFrameException.class, () -> decoder.decode(cut, target), "cut to " + cut.limit());
            }
        }
    }

    @ParameterizedTest
    @EnumSource(value = Codec.class, mode = Mode.EXCLUDE, names = "NONE")
    void refusesTrailingBytes(Codec codec) throws IOException {
        ByteBuffer frame = frame(codec, TEXT);
        ByteBuffer longer = ByteBuffer.allocateDirect(frame.remaining() + 1)
                .put(frame)
                .put((byte) 1)
                .flip();
        try (Decoder decoder = codec.newDecoder()) {
            ByteBuffer target = ByteBuffer.allocateDirect(TEXT.length);
            assertThrows(CorruptFrameException.class, () -> decoder.decode(longer, target));
        }
    }

    /** Any spoiled byte either fails or gives exactly the size asked for; which of the two, the chunk's digest tells. */
    @ParameterizedTest
    @EnumSource(value = Codec.class, mode = Mode.EXCLUDE, names = "NONE")
    void survivesSpoiledBytes(Codec codec) throws IOException {
        long seed = Long.getLong("test.seed", 7);
        Random random = new Random(seed);
        ByteBuffer frame = frame(codec, TEXT);
        int refused = 0;
        try (Decoder decoder = codec.newDecoder()) {
            for (int round = 0; round < 500; round++) {
                ByteBuffer spoiled = ByteBuffer.allocateDirect(frame.remaining())
                        .put(frame.duplicate())
                        .flip();
                spoiled.put(random.nextInt(spoiled.limit()), (byte) random.nextInt());
                ByteBuffer target = ByteBuffer.allocateDirect(TEXT.length);
                try {
                    decoder.decode(spoiled, target);
                    assertFalse(target.hasRemaining(), "seed=" + seed);
                } catch (CorruptFrameException _) {
                    refused++;
                }
            }
        }
        assertTrue(refused > 50, "refused=" + refused + " seed=" + seed);
    }

    @ParameterizedTest
    @EnumSource(
            value = Codec.class,
            names = {"ZSTD", "LZ4_BLOCK"})
    void encodesOnlyWhatGetsSmaller(Codec codec) {
        byte[] noise = new byte[10_000];
        new Random(1).nextBytes(noise);
        ByteBuffer target = ByteBuffer.allocateDirect(TEXT.length);
        try (Encoder encoder = codec.newEncoder()) {
            for (byte[] bytes : new byte[][] {noise, {}, {1}, {1, 2, 3}}) {
                assertEquals(Encoder.NOT_SMALLER, encoder.encode(direct(bytes), target));
                assertEquals(0, target.position());
            }
            ByteBuffer source = direct(TEXT);
            int size = encoder.encode(source, target);
            assertEquals(size, target.position());
            assertEquals(TEXT.length, source.remaining());
        }
    }

    @Test
    void heapBuffersAreRefusedBeforeAnyLibrarySeesThem() {
        try (Decoder decoder = Codec.ZSTD.newDecoder()) {
            assertThrows(
                    IllegalArgumentException.class,
                    () -> decoder.decode(ByteBuffer.allocate(10), ByteBuffer.allocateDirect(10)));
        }
    }

    @Test
    void gzipFramesMayHaveManyMembers() throws IOException {
        ByteBuffer one = frame(Codec.GZIP, TEXT);
        ByteBuffer two = ByteBuffer.allocateDirect(2 * one.remaining())
                .put(one.duplicate())
                .put(one.duplicate())
                .flip();
        ByteBuffer target = ByteBuffer.allocateDirect(2 * TEXT.length);
        try (Decoder decoder = Codec.GZIP.newDecoder()) {
            decoder.decode(two, target);
        }
        assertArrayEquals(TEXT, bytes(target.position(TEXT.length)));
    }

    private static ByteBuffer frame(Codec codec, byte[] bytes) throws IOException {
        if (codec == Codec.GZIP) {
            return direct(gzip(bytes));
        }
        ByteBuffer target = ByteBuffer.allocateDirect(bytes.length);
        try (Encoder encoder = codec.newEncoder()) {
            int size = encoder.encode(direct(bytes), target);
            return size == Encoder.NOT_SMALLER ? direct(bytes) : target.flip();
        }
    }

    static byte[] gzip(byte[] bytes) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
            gzip.write(bytes);
        }
        return out.toByteArray();
    }

    private static ByteBuffer direct(byte[] bytes) {
        return ByteBuffer.allocateDirect(bytes.length).put(bytes).flip();
    }

    private static byte[] bytes(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return bytes;
    }
}
