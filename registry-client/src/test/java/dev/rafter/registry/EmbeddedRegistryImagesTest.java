package dev.rafter.registry;

import dev.rafter.registry.embedded.EmbeddedRegistry;
import java.io.IOException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;

/** Both contracts on the registry of this program. */
class EmbeddedRegistryImagesTest {
    private static EmbeddedRegistry registry;
    private static Images images;

    @BeforeAll
    static void start() throws IOException {
        registry = EmbeddedRegistry.start(EmbeddedRegistry.Options.inMemory());
        images = new Images(RegistryOptions.DEFAULTS);
        try (ImageTarget target = images.target(reference("contract/source", "1"))) {
            ImageSourceContract.IMAGE.pushTo(target);
        }
    }

    @AfterAll
    static void stop() throws IOException {
        images.close();
        registry.close();
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
}
