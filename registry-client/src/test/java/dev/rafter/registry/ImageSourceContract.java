package dev.rafter.registry;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.oci.Descriptor;
import dev.rafter.oci.Digest;
import dev.rafter.oci.ImageConfig;
import dev.rafter.oci.Manifest;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;

/** What every {@link ImageSource} must do; each implementation inherits it all. */
@Timeout(60)
abstract class ImageSourceContract {
    private static final Duration TIMEOUT = Duration.ofSeconds(20);
    private static final long SEED = Long.getLong("test.seed", 42);

    static final TestImage IMAGE = TestImage.random(SEED, 1, 4096, 3_000_000, 100_001);

    /** The place that holds {@link #IMAGE}. */
    abstract ImageSource open() throws IOException;

    /** The same place, asked for a tag that is not there; where that shows when opened already, this throws. */
    abstract ImageSource openUnknown() throws IOException;

    @Test
    void theImageIsThereAndEachPartIsWhatItWas() throws Exception {
        try (ImageSource source = open()) {
            Descriptor resolved = source.resolve();
            Manifest manifest = Manifest.parse(source.document(resolved), source.describe());
            assertEquals(
                    IMAGE.layers().stream().map(Descriptor::digest).toList(),
                    manifest.layers().stream().map(Descriptor::digest).toList());
            ImageConfig config = ImageConfig.parse(source.document(manifest.config()), source.describe());
            assertEquals("linux/amd64", config.platform().toString());
            for (Descriptor layer : manifest.layers()) {
                try (InputStream in = source.blob(layer)) {
                    assertArrayEquals(IMAGE.content(layer), in.readAllBytes());
                    assertEquals(-1, in.read());
                }
            }
        }
    }

    @Test
    void resolvingTwiceGivesTheSame() throws Exception {
        try (ImageSource source = open()) {
            assertEquals(source.resolve(), source.resolve());
        }
    }

    @Test
    void rangesGiveTheirBytesAndThenEnd() throws Exception {
        System.out.println("test.seed=" + SEED);
        Random random = new Random(SEED);
        Descriptor layer = IMAGE.biggest();
        try (ImageSource source = open()) {
            source.resolve();
            checkRange(source, layer, 0, 1);
            checkRange(source, layer, 0, layer.size());
            checkRange(source, layer, layer.size() - 1, 1);
            checkRange(source, IMAGE.layers().getFirst(), 0, 1);
            for (int i = 0; i < 30; i++) {
                long offset = random.nextLong(layer.size());
                checkRange(source, layer, offset, 1 + random.nextLong(layer.size() - offset));
            }
        }
    }

    private static void checkRange(ImageSource source, Descriptor layer, long offset, long length) throws IOException {
        byte[] content = IMAGE.content(layer);
        byte[] expected = Arrays.copyOfRange(content, (int) offset, (int) (offset + length));
        assertArrayEquals(expected, read(source, layer, offset, length), offset + "+" + length);
    }

    private static byte[] read(ImageSource source, Descriptor layer, long offset, long length) throws IOException {
        ByteBuffer all = ByteBuffer.allocateDirect((int) length + 1);
        try (ReadableByteChannel channel = source.range(layer, offset, length, TIMEOUT)) {
            assertTrue(channel.isOpen());
            while (channel.read(all) >= 0) {
                assertTrue(all.hasRemaining(), "more than " + length + " bytes came");
            }
            assertEquals(-1, channel.read(all));
        }
        byte[] bytes = new byte[all.flip().remaining()];
        all.get(bytes);
        return bytes;
    }

    @Test
    void aFullBufferGetsNothingAndASmallOneIsFilledInPart() throws Exception {
        Descriptor layer = IMAGE.layers().get(1);
        try (ImageSource source = open()) {
            source.resolve();
            try (ReadableByteChannel channel = source.range(layer, 0, 4096, TIMEOUT)) {
                assertEquals(0, channel.read(ByteBuffer.allocate(0)));
                ByteBuffer ten = ByteBuffer.allocate(100).position(5).limit(15);
                while (ten.hasRemaining()) {
                    assertTrue(channel.read(ten) > 0);
                }
                assertEquals(15, ten.limit());
                assertArrayEquals(Arrays.copyOf(IMAGE.content(layer), 10), Arrays.copyOfRange(ten.array(), 5, 15));
            }
        }
    }

    @Test
    void anAbandonedReadDoesNotHarmTheNext() throws Exception {
        Descriptor layer = IMAGE.biggest();
        try (ImageSource source = open()) {
            source.resolve();
            for (int i = 0; i < 5; i++) {
                ReadableByteChannel channel = source.range(layer, 10, 2_000_000, TIMEOUT);
                assertTrue(channel.read(ByteBuffer.allocate(10)) > 0);
                channel.close();
                assertFalse(channel.isOpen());
                try (InputStream in = source.blob(layer)) {
                    assertEquals(IMAGE.content(layer)[0] & 0xff, in.read());
                }
            }
            checkRange(source, layer, 17, 100_000);
        }
    }

    @Test
    void manyReadAtOnce() throws Exception {
        Descriptor layer = IMAGE.biggest();
        try (ImageSource source = open();
                ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            source.resolve();
            List<Callable<Void>> readers = new ArrayList<>();
            for (int i = 0; i < 48; i++) {
                long offset = i * 50_000L;
                readers.add(() -> {
                    checkRange(source, layer, offset, 150_000);
                    return null;
                });
            }
            for (Future<Void> reader : threads.invokeAll(readers)) {
                reader.get();
            }
        }
    }

    @Test
    void rangesOutsideOfTheBlobAreMistakes() throws Exception {
        Descriptor layer = IMAGE.layers().get(1);
        try (ImageSource source = open()) {
            source.resolve();
            for (long[] range : new long[][] {{-1, 1}, {0, 0}, {0, 4097}, {4096, 1}, {1, Long.MAX_VALUE}, {0, -5}}) {
                assertThrows(IllegalArgumentException.class, () -> source.range(layer, range[0], range[1], TIMEOUT));
            }
        }
    }

    @Test
    void whatIsNotThereIsNotFound() throws Exception {
        Descriptor unknown = new Descriptor("m/m", Digest.sha256("nowhere".getBytes(StandardCharsets.UTF_8)), 7);
        try (ImageSource source = open()) {
            source.resolve();
            assertNotFound(() -> source.range(unknown, 0, 7, TIMEOUT).read(ByteBuffer.allocate(7)));
            assertNotFound(() -> source.blob(unknown).readAllBytes());
            assertNotFound(() -> source.document(unknown));
        }
        assertNotFound(() -> {
            try (ImageSource source = openUnknown()) {
                source.resolve();
            }
        });
    }

    private static void assertNotFound(Executable action) {
        RegistryException e = assertThrows(RegistryException.class, action);
        assertEquals(RegistryException.Reason.NOT_FOUND, e.reason(), e.getMessage());
    }

    @Test
    void aBlobOfAnotherSizeIsNeverGivenWhole() throws Exception {
        Descriptor layer = IMAGE.layers().get(1);
        try (ImageSource source = open()) {
            source.resolve();
            for (long size : new long[] {4095, 4097}) {
                Descriptor lie = new Descriptor(layer.mediaType(), layer.digest(), size);
                assertThrows(IOException.class, () -> source.blob(lie).readAllBytes());
            }
        }
    }

    @Test
    void aDocumentThatIsTooBigIsNotRead() throws Exception {
        try (ImageSource source = open()) {
            source.resolve();
            Descriptor big = new Descriptor("m/m", IMAGE.biggest().digest(), 9 << 20);
            assertThrows(IOException.class, () -> source.document(big));
        }
    }
}
