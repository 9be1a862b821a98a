package dev.rafter.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ImageReferenceTest {
    @Test
    void theFourKindsAreTold() {
        assertEquals(new ImageReference.Layout(Path.of("/a/b"), null), ImageReference.parse("oci:/a/b"));
        assertEquals(new ImageReference.Layout(Path.of("b"), "1"), ImageReference.parse("oci:b:1"));
        assertEquals(
                new ImageReference.DockerArchive(Path.of("x.tar"), "r.example:5000/app:1"),
                ImageReference.parse("docker-archive:x.tar:r.example:5000/app:1"));
        assertEquals(
                new ImageReference.Erofs(Path.of("/i"), List.of(Path.of("d0"), Path.of("d1"))),
                ImageReference.parse("erofs:/i,d0,d1"));
        assertInstanceOf(ImageReference.Registry.class, ImageReference.parse("localhost:5000/app"));
        assertInstanceOf(ImageReference.Registry.class, ImageReference.parse("debian:12"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "oci:/a/b",
                "oci:/a/b:1",
                "docker-archive:x.tar",
                "docker-archive:x.tar:a:1",
                "erofs:/i",
                "erofs:/i,d0",
                "h.example/app:1"
            })
    void whatIsShownReadsTheSame(String text) {
        assertEquals(text, ImageReference.parse(text).display());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "oci:",
                "oci::1",
                "oci:d:",
                "docker-archive:",
                "erofs:",
                "erofs:a,",
                "erofs:,a",
                "oci:a\0b",
                "UPPER"
            })
    void whatIsNoneIsRefused(String text) {
        assertThrows(IllegalArgumentException.class, () -> ImageReference.parse(text));
    }
}
