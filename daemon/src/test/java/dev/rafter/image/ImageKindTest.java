package dev.rafter.image;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.rafter.oci.Platform;
import dev.rafter.registry.ImageReference;
import dev.rafter.registry.ImageSource;
import dev.rafter.registry.Images;
import dev.rafter.registry.RegistryOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ImageKindTest {
    private static final Path FIXTURES = Path.of(System.getProperty("rafter.shared"), "fixtures");

    @BeforeAll
    static void needFixtures() {
        Assumptions.assumeTrue(Files.isDirectory(FIXTURES), "the golden images are not here");
    }

    @ParameterizedTest
    @CsvSource({
        "oci-gzip,OCI",
        "oci-zstd,OCI",
        "oci-mixed,OCI",
        "docker-v2s2,DOCKER",
        "estargz,ESTARGZ",
        "estargz-external-toc,ESTARGZ",
        "zstdchunked-podman,ZSTD_CHUNKED",
        "zstdchunked-stargz,ZSTD_CHUNKED",
        "soci-v2,SOCI",
        "erofs-layers,EROFS_LAYERS",
        "rafs6-zstd,RAFS_V6",
        "rafs6-dict,RAFS_V6",
        "rafs6-encrypted,RAFS_V6",
        "rafs6-oci-ref,RAFS_V6_OCI_REF",
        "rafs5-zstd,RAFS_V5"
    })
    void tellsKindsByTheManifest(String fixture, ImageKind kind) throws IOException {
        ImageReference reference = ImageReference.parse("oci:" + FIXTURES.resolve(fixture) + ":fixture");
        try (Images images = new Images(RegistryOptions.DEFAULTS);
                ImageSource source = images.open(reference)) {
            assertEquals(
                    kind,
                    ResolvedImage.resolve(source, Platform.parse("linux/amd64")).kind());
        }
    }
}
