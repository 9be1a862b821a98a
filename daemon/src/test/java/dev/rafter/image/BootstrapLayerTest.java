package dev.rafter.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.format.CorruptImageException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BootstrapLayerTest {
    private static final Path FIXTURES = Path.of(System.getProperty("rafter.shared"), "fixtures");

    @TempDir
    Path directory;

    @BeforeAll
    static void needFixtures() {
        Assumptions.assumeTrue(Files.isDirectory(FIXTURES), "the golden images are not here");
    }

    @ParameterizedTest
    @Timeout(10)
    @CsvSource(delimiter = '|', textBlock = """
            bootstrap-bomb      | image/image.boot has 1073741824 bytes, more than
            bootstrap-gzip-crc  | is broken
            bootstrap-gzip-cut  |
            bootstrap-missing   | has no image/image.boot
            bootstrap-size-lie  | image/image.boot has 4294967296 bytes, more than
            bootstrap-symlink   | image/image.boot is no regular file
            """)
    void refusesWhatIsMalformed(String name, String problem) throws IOException {
        Path file = FIXTURES.resolve("malformed/" + name + ".tar.gz");
        CorruptImageException e = assertThrows(CorruptImageException.class, () -> extract(file));
        assertEquals("layer x", e.resource());
        assertTrue(e.problem().startsWith(problem == null ? "" : problem), e.toString());
    }

    @Test
    void takesTheBootstrapOfARealLayer() throws IOException {
        Path file = FIXTURES.resolve(
                "rafs6-zstd/blobs/sha256/fd9ad3fb6803cef6f255b05873463f694aea5fb511293409d53c656023433a40");
        extract(file);
        assertTrue(Files.size(ImageStore.bootstrap(directory)) > 100_000);
    }

    /** Behind the bootstrap as well, where nothing is extracted. */
    @Test
    @Timeout(60)
    void readsNoMoreThanALayerCanHold() throws IOException {
        Path file = directory.resolve("bomb.tar.gz");
        try (OutputStream gzip = new GZIPOutputStream(Files.newOutputStream(file))) {
            byte[] zeros = new byte[1 << 20];
            for (int i = 0; i < 200; i++) {
                gzip.write(zeros);
            }
        }
        CorruptImageException e = assertThrows(CorruptImageException.class, () -> extract(file));
        assertTrue(e.problem().startsWith("has more than 134217728 bytes"), e.toString());
    }

    private void extract(Path file) throws IOException {
        try (InputStream layer = Files.newInputStream(file)) {
            new BootstrapLayer("layer x", Files.size(file)).extract(layer, directory);
        }
    }
}
