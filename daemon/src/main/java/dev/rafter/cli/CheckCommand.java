package dev.rafter.cli;

import dev.rafter.Wiring;
import dev.rafter.build.SourceTree;
import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import dev.rafter.image.ImageCheck;
import dev.rafter.image.ImageComparison;
import dev.rafter.image.ImageTree;
import dev.rafter.image.OpenedImage;
import dev.rafter.image.ResolvedImage;
import dev.rafter.image.SourceLayers;
import dev.rafter.registry.ImageReference;
import dev.rafter.registry.ImageSource;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code rafter check}. */
@Command(
        name = "check",
        description = {
            "Read an image again, all of it: the structure of its metadata, every chunk's digest, every blob's digest.",
            "A plain EROFS image has no digests: all its files are read.",
            "Prints what is wrong; exit code 3 if anything is."
        })
final class CheckCommand implements Callable<Integer> {
    private static final Duration TIMEOUT = Duration.ofMinutes(2);

    @ParentCommand
    private Main main = new Main();

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Mixin
    private final ImageOptions image = new ImageOptions();

    @Option(
            names = "--against",
            paramLabel = "SOURCE",
            description =
                    "Compare the tree and all contents with this image of tar layers, which it was converted from.")
    private @Nullable String against;

    @Option(
            names = "--work",
            paramLabel = "DIR",
            description = "With --against: where blobs of a registry are kept meanwhile (${DEFAULT-VALUE}).")
    private Path work = Path.of(System.getProperty("java.io.tmpdir"));

    @Override
    public Integer call() throws IOException {
        return against == null ? image.with(main, this::check) : image.withWhole(main, work, this::check);
    }

    private int check(OpenedImage opened) throws IOException {
        PrintWriter out = spec.commandLine().getOut();
        long problems = ImageCheck.check(opened, out::println);
        long differences = against == null ? 0 : compare(opened, ImageReference.parse(against), out);
        out.flush();
        if (problems + differences > 0) {
            throw new FailureException(FailureKind.IMAGE, opened.name() + ": " + summary(problems, differences));
        }
        out.println(opened.name() + " (" + opened.digest() + "): all of it is as it says"
                + (against == null ? "" : ", and as " + against + " has it"));
        return 0;
    }

    private String summary(long problems, long differences) {
        String found = count(problems, "problem");
        return against == null ? found : found + ", " + count(differences, "difference") + " from " + against;
    }

    private static String count(long count, String what) {
        return count + " " + what + (count == 1 ? "" : "s");
    }

    private long compare(OpenedImage opened, ImageReference original, PrintWriter out) throws IOException {
        opened.requireDevices();
        try (ImageSource source = new Wiring(main.options().config()).source(original);
                ImageTree tree = ImageTree.open(opened, 0, TIMEOUT)) {
            ResolvedImage resolved = ResolvedImage.resolve(source, image.platform());
            SourceTree layers = SourceTree.read(SourceLayers.of(source, resolved.manifest()));
            return ImageComparison.compare(tree, layers, out::println);
        }
    }
}
