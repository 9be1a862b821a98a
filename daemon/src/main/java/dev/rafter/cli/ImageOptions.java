package dev.rafter.cli;

import dev.rafter.Wiring;
import dev.rafter.image.OpenedImage;
import dev.rafter.oci.Platform;
import dev.rafter.registry.ImageReference;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The image that a command looks into. */
final class ImageOptions {
    @Parameters(index = "0", paramLabel = "IMAGE", description = "Which image.")
    private String image = "";

    @Option(
            names = "--platform",
            paramLabel = "OS/ARCH[/VARIANT]",
            description = "Which one of an image for several (this machine's).")
    private @Nullable String platform;

    ImageReference reference() {
        return ImageReference.parse(image);
    }

    Platform platform() {
        return platform == null ? Platform.current() : Platform.parse(platform);
    }

    /** Lends the opened image; nothing of it stays on the node. */
    <T> T with(Main main, Use<T> use) throws IOException {
        return new Wiring(main.options().config()).withImage(reference(), platform(), use::apply);
    }

    /**
     * Lends the opened image for reading all of it, in any order.
     *
     * @param work where blobs of a registry are kept meanwhile
     */
    <T> T withWhole(Main main, Path work, Use<T> use) throws IOException {
        return new Wiring(main.options().config()).withWholeImage(reference(), platform(), work, use::apply);
    }

    /** What is done with an image. */
    interface Use<T> {
        T apply(OpenedImage image) throws IOException;
    }
}
