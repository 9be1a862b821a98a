package dev.rafter.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.oci.Descriptor;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Both contracts on Debian's docker-registry, and mounting between repositories. */
@Timeout(60)
class DockerRegistryImagesTest {
    @TempDir
    static Path directory;

    private static DockerRegistry registry;
    private static Images images;

    @BeforeAll
    static void start() throws Exception {
        registry = DockerRegistry.start(directory, "");
        images = new Images(RegistryOptions.DEFAULTS);
        try (ImageTarget target = images.target(reference("contract/source", "1"))) {
            ImageSourceContract.IMAGE.pushTo(target);
        }
    }

    @AfterAll
    static void stop() throws Exception {
        if (images != null) {
            images.close();
            registry.close();
        }
    }

    private static ImageReference reference(String name, String tag) {
        return ImageReference.parse(registry.host() + "/" + name + ":" + tag);
    }

    @Nested
    class AsSource extends ImageSourceContract {
        @Override
        ImageSource open() throws IOException {
            return images.open(reference("contract/source", "1"));
        }

        @Override
        ImageSource openUnknown() throws IOException {
            return images.open(reference("contract/source", "none"));
        }
    }

    @Nested
    class AsTarget extends ImageTargetContract {
        @Override
        ImageTarget target(String name, String tag) throws IOException {
            return images.target(reference("contract/" + name, tag));
        }

        @Override
        ImageSource source(String name, String tag) throws IOException {
            return images.open(reference("contract/" + name, tag));
        }
    }

    @Test
    void aBlobIsMountedFromAnotherRepository() throws Exception {
        TestImage image = TestImage.random(77, 200_000);
        Descriptor layer = image.layers().getFirst();
        ImageSource from = images.open(reference("mount/from", "1"));
        ImageTarget to = images.target(reference("mount/to", "1"));
        image.pushTo(images.target(reference("mount/from", "1")));
        assertTrue(to.mountBlob(layer, from));
        assertTrue(to.hasBlob(layer));
        Descriptor absent = TestImage.random(78, 10).layers().getFirst();
        assertFalse(to.mountBlob(absent, from));
        assertFalse(to.mountBlob(layer, images.open(ImageReference.parse("other.example/mount/from:1"))));
    }

    @Test
    void anImageIsFoundByItsDigestAlone() throws Exception {
        TestImage image = TestImage.random(79, 10);
        image.pushTo(images.target(reference("digest/app", "1")));
        ImageReference byDigest = ImageReference.parse(
                registry.host() + "/digest/app@" + image.manifest().digest());
        assertEquals(image.manifest(), images.open(byDigest).resolve());
        ImageReference other = ImageReference.parse(
                registry.host() + "/digest/app@" + image.config().digest());
        assertThrows(RegistryException.class, () -> images.open(other).resolve());
    }
}
