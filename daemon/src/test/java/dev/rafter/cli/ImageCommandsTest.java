package dev.rafter.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ImageCommandsTest {
    private static final Path FIXTURES = Path.of(System.getProperty("rafter.shared"), "fixtures");

    @BeforeAll
    static void needFixtures() {
        Assumptions.assumeTrue(Files.isDirectory(FIXTURES), "the golden images are not here");
    }

    private static String fixture(String name) {
        return "oci:" + FIXTURES.resolve(name) + ":fixture";
    }

    @Test
    void listsADirectory() {
        CommandResult result = CommandResult.of("ls", fixture("rafs6-zstd"), "/app");
        assertEquals("cache.pyc\nconfig\ncurrent\ndata\nrun.sh\n", result.out());
    }

    @Test
    void listsAttributes() {
        String out = CommandResult.of("ls", "-l", fixture("rafs6-lz4"), "/app").out();
        assertTrue(out.contains("-rw-r--r--   1 1000:1000         800 2030-01-15T"), out);
        assertTrue(out.contains("current -> run.sh"), out);
    }

    @ParameterizedTest
    @ValueSource(strings = {"rafs6-zstd", "rafs6-batch", "rafs6-dict", "rafs6-none", "rafs6-lz4", "rafs6-sha256"})
    void checksImages(String name) {
        CommandResult result = CommandResult.of("check", fixture(name));
        assertEquals("", result.err());
        assertEquals(0, result.exitCode());
    }

    /** The last block is cut off behind its first byte: what the kernel would read as zeros. */
    @Test
    void checkReadsTheFilesOfAPlainErofsImage(@TempDir Path directory) throws IOException {
        Path image = unpacked("chunk-blobdev.erofs", directory);
        Path device = unpacked("chunk-blobdev.blob", directory);
        String reference = "erofs:" + image + "," + device;
        CommandResult whole = CommandResult.of("check", reference);
        assertEquals(0, whole.exitCode(), whole.err());
        try (FileChannel channel = FileChannel.open(device, StandardOpenOption.WRITE)) {
            channel.truncate((channel.size() - 1) / 4096 * 4096 + 1);
        }
        CommandResult cut = CommandResult.of("check", reference);
        assertEquals(3, cut.exitCode(), cut.out());
        assertTrue(cut.out().contains("ends before the data of a file"), cut.out());
    }

    private static Path unpacked(String name, Path directory) throws IOException {
        Path file = directory.resolve(name);
        try (InputStream in = new GZIPInputStream(
                Files.newInputStream(FIXTURES.resolve("erofs").resolve(name + ".gz")))) {
            Files.copy(in, file);
        }
        return file;
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            oci-gzip         | is a plain OCI image, not RAFS: it cannot be read lazily as it is. Convert it and use the result: rafter convert
            estargz          | is an eStargz image, not RAFS
            zstdchunked-podman | is a zstd:chunked image, not RAFS
            soci-v2          | is an image with a SOCI index, not RAFS
            erofs-layers     | is an image of EROFS layers, not RAFS
            rafs5-zstd       | is a RAFS v5 image, which is not supported: convert the image that it was made from
            rafs6-encrypted  | encrypted blobs
            """)
    void saysWhatAnImageIsAndHowToConvertIt(String name, String message) {
        CommandResult result = CommandResult.of("ls", fixture(name));
        assertEquals(3, result.exitCode());
        assertTrue(result.err().contains(message), result.err());
        assertEquals(1, result.err().lines().count(), result.err());
    }

    @Test
    void theTreeOfAnOciRefImageCanBeListedButItsDataCannotBeRead() {
        assertEquals(0, CommandResult.of("ls", fixture("rafs6-oci-ref"), "/app").exitCode());
        CommandResult result = CommandResult.of("cat", fixture("rafs6-oci-ref"), "/app/config");
        assertEquals(3, result.exitCode());
        assertTrue(result.err().contains("gzip layers"), result.err());
    }

    @Test
    void whatIsNotThereIsSaid() {
        assertTrue(CommandResult.of("ls", fixture("rafs6-zstd"), "/app/nothing")
                .err()
                .contains("/app/nothing is not in the image"));
        assertTrue(CommandResult.of("cat", fixture("rafs6-zstd"), "/app").err().contains("/app is no regular file"));
        assertEquals(2, CommandResult.of("ls", "oci:/x:").exitCode());
    }

    @Test
    void inspectShowsKindCommandAndBlobs() {
        String out = CommandResult.of("inspect", fixture("rafs6-zstd")).out();
        assertTrue(out.contains("kind      a RAFS v6 image"), out);
        assertTrue(out.contains("platform  linux/amd64"), out);
        assertTrue(out.contains("device 3  blob sha256:7cd4a25e"), out);
    }
}
