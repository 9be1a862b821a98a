package dev.rafter.cli;

import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import dev.rafter.image.ImageCheck;
import dev.rafter.image.OpenedImage;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code rafter check}. */
@Command(
        name = "check",
        description = {
            "Read an image again, all of it: the structure of its metadata, every chunk's digest, every blob's digest.",
            "Prints what is wrong; exit code 3 if anything is."
        })
final class CheckCommand implements Callable<Integer> {
    @ParentCommand
    private Main main = new Main();

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Mixin
    private final ImageOptions image = new ImageOptions();

    @Override
    public Integer call() throws IOException {
        return image.with(main, this::check);
    }

    private int check(OpenedImage opened) throws IOException {
        PrintWriter out = spec.commandLine().getOut();
        long problems = ImageCheck.check(opened, out::println);
        out.flush();
        if (problems > 0) {
            throw new FailureException(FailureKind.IMAGE, opened.name() + ": " + problems + " problems");
        }
        out.println(opened.name() + " (" + opened.digest() + "): all of it is as it says");
        return 0;
    }
}
