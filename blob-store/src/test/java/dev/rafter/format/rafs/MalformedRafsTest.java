package dev.rafter.format.rafs;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.codec.CorruptFrameException;
import dev.rafter.codec.LayerDecompressor;
import dev.rafter.format.CorruptImageException;
import dev.rafter.format.ImageException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.opentest4j.AssertionFailedError;

/** Bootstraps and blobs with one fault each: all are refused, within a second and 64 MB, with an error that says what and where. */
class MalformedRafsTest {
    private static final long MAX_ALLOCATED_BYTES = 64 << 20;
    private static final Duration MAX_TIME = Duration.ofSeconds(1);

    static Stream<Path> spoiledBootstraps() throws IOException {
        try (Stream<Path> files = Files.list(RafsFixture.shared().resolve("malformed"))) {
            List<Path> found = files.filter(
                            file -> file.getFileName().toString().matches("rafs[56]-.*\\.boot(\\.gz)?"))
                    .sorted()
                    .toList();
            assertTrue(found.size() > 50, "only " + found);
            return found.stream();
        }
    }

    @ParameterizedTest
    @MethodSource("spoiledBootstraps")
    void isRefused(Path file) throws IOException {
        byte[] bytes = read(file);
        String name = file.getFileName().toString();
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        long allocated = threads.getCurrentThreadAllocatedBytes();
        long started = System.nanoTime();
        IOException refusal = assertThrows(IOException.class, () -> readAll(bytes, name));
        Duration took = Duration.ofNanos(System.nanoTime() - started);
        long used = threads.getCurrentThreadAllocatedBytes() - allocated;
        assertTrue(refusal instanceof ImageException, refusal::toString);
        assertTrue(refusal.toString().contains(": " + name + ": "), refusal::toString);
        assertTrue(took.compareTo(MAX_TIME) < 0, () -> "took " + took);
        assertTrue(used < MAX_ALLOCATED_BYTES, () -> "allocated " + used + " bytes");
    }

    @Test
    void theSoundOneIsTaken() throws IOException {
        RafsBootstrap bootstrap = readAll(read("good-rafs6.boot.gz"), "good");
        assertEquals(1, bootstrap.blobs().size());
        byte[] blob = read("good-rafs6.blob.gz");
        RafsBlob described = bootstrap.blobs().getFirst();
        assertDoesNotThrow(() -> DecodedDevice.decode(bootstrap, described, blob));
        assertEquals(described.chunkCount(), DecodedDevice.meta(described, blob).chunkCount());
    }

    @Test
    void aFlippedBitInAChunkIsNoticed() throws IOException {
        RafsBootstrap bootstrap = readAll(read("good-rafs6.boot.gz"), "good");
        byte[] blob = read("rafs6-blob-data-flipped.blob.gz");
        RafsBlob described = bootstrap.blobs().getFirst();
        Throwable noticed = assertThrows(Throwable.class, () -> DecodedDevice.decode(bootstrap, described, blob));
        assertTrue(noticed instanceof CorruptFrameException || noticed instanceof AssertionFailedError);
    }

    @Test
    void spoiledChunkInfosAreRefused() throws IOException {
        RafsBlob blob = readAll(read("good-rafs6.boot.gz"), "good").blobs().getFirst();
        byte[] garbage = read("rafs6-blob-ci-garbage.blob.gz");
        assertThrows(CorruptFrameException.class, () -> DecodedDevice.meta(blob, garbage));
        byte[] magic = read("rafs6-blob-ci-header-magic.blob.gz");
        assertThrows(CorruptImageException.class, () -> DecodedDevice.meta(blob, magic));
        byte[] truncated = read("rafs6-blob-truncated.blob.gz");
        assertThrows(IOException.class, () -> DecodedDevice.meta(blob, truncated));
    }

    private static RafsBootstrap readAll(byte[] bytes, String name) throws IOException {
        RafsBootstrap bootstrap = RafsBootstrap.parse(RafsFixture.offHeap(bytes), name);
        bootstrap.validate();
        return bootstrap;
    }

    private static byte[] read(String name) throws IOException {
        return read(RafsFixture.shared().resolve("malformed").resolve(name));
    }

    private static byte[] read(Path file) throws IOException {
        try (InputStream in = LayerDecompressor.open(Files.newInputStream(file))) {
            return in.readAllBytes();
        }
    }
}
