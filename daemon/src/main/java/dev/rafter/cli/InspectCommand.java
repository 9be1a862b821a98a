package dev.rafter.cli;

import dev.rafter.Wiring;
import dev.rafter.failure.FailureException;
import dev.rafter.image.ImageDevice;
import dev.rafter.image.OpenedImage;
import dev.rafter.image.ResolvedImage;
import dev.rafter.oci.Descriptor;
import dev.rafter.oci.ImageConfig;
import dev.rafter.registry.ImageReference;
import dev.rafter.registry.ImageSource;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code rafter inspect}. */
@Command(
        name = "inspect",
        description = "Say what an image is: kind, platform, command, layers, blobs and their chunks.")
final class InspectCommand implements Callable<Integer> {
    @ParentCommand
    private Main main = new Main();

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Mixin
    private final ImageOptions image = new ImageOptions();

    @Override
    public Integer call() throws IOException {
        PrintWriter out = spec.commandLine().getOut();
        ImageReference reference = image.reference();
        boolean isLazy = reference instanceof ImageReference.Erofs || printDocuments(reference, out);
        if (isLazy) {
            image.with(main, opened -> printDevices(opened, out));
        }
        out.flush();
        return 0;
    }

    /** Prints what the documents say; whether the image's metadata can be read too. */
    private boolean printDocuments(ImageReference reference, PrintWriter out) throws IOException {
        try (ImageSource source = new Wiring(main.options().config()).source(reference)) {
            ResolvedImage resolved = ResolvedImage.resolve(source, image.platform());
            out.println("image     " + source.describe());
            out.println("manifest  " + resolved.descriptor().digest());
            out.println("kind      " + resolved.kind().description());
            printConfig(source, resolved, out);
            for (Descriptor layer : resolved.manifest().layers()) {
                out.println("layer     " + layer.digest() + "  " + layer.size() + " bytes  " + layer.mediaType());
            }
            return resolved.kind().isRafsV6();
        }
    }

    private static void printConfig(ImageSource source, ResolvedImage resolved, PrintWriter out) throws IOException {
        Descriptor descriptor = resolved.manifest().config();
        ImageConfig config = ImageConfig.parse(
                source.document(descriptor), "configuration " + descriptor.digest() + " of " + source.describe());
        out.println("platform  " + config.platform());
        out.println("command   " + String.join(" ", config.execution().command()));
    }

    private static int printDevices(OpenedImage opened, PrintWriter out) throws FailureException {
        int number = 1;
        for (ImageDevice device : opened.devices()) {
            out.println("device " + number + "  " + describe(device));
            number++;
        }
        return 0;
    }

    private static String describe(ImageDevice device) {
        return switch (device) {
            case ImageDevice.Lazy lazy ->
                "blob " + lazy.blob() + "  " + lazy.chunks().chunkCount() + " chunks, "
                        + lazy.chunks().deviceSizeBytes() + " bytes, stored in " + lazy.storedBytes() + " ("
                        + lazy.chunks().codec() + ", " + lazy.chunks().digestAlgorithm() + ")";
            case ImageDevice.Raw raw -> "file " + raw.file();
            case ImageDevice.Missing missing -> missing.why();
        };
    }
}
