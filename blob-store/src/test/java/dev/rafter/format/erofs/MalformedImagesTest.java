package dev.rafter.format.erofs;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.format.ImageException;
import dev.rafter.format.UnsupportedImageException;
import dev.rafter.testkit.Bounded;
import dev.rafter.testkit.Fixtures;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Spoiled images, one fault each: refused within a second and 64 MB, by an error that says what and where. */
@Timeout(30)
class MalformedImagesTest {
    static List<Path> spoiled() {
        return Fixtures.list("malformed", "erofs-*");
    }

    @ParameterizedTest
    @MethodSource("spoiled")
    void spoiledImageIsRefused(Path file) throws IOException {
        MemorySegment image = Fixtures.segment(file);
        String name = file.getFileName().toString();
        ImageException refused =
                Bounded.run(() -> assertThrows(ImageException.class, () -> readAll(image, name), name));
        String message = String.valueOf(refused.getMessage());
        assertTrue(message.startsWith(name + ": ") && message.length() > name.length() + 10, message);
    }

    @Test
    void soundImageIsRead() throws IOException {
        readAll(Fixtures.segment(Fixtures.root().resolve("malformed/good-plain.erofs.gz")), "good-plain");
    }

    @Test
    void compressedImageIsRefusedByItsFeature() {
        MemorySegment image = Fixtures.segment(Fixtures.root().resolve("malformed/good-lz4.erofs.gz"));
        assertThrows(UnsupportedImageException.class, () -> readAll(image, "good-lz4"));
    }

    private static void readAll(MemorySegment segment, String name) throws IOException {
        ErofsImage image = ErofsImage.open(segment, name, ErofsImage.Devices.SEPARATE);
        image.validate((_, _) -> {});
    }
}
