package dev.rafter.cli;

import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import dev.rafter.image.ImageExport;
import dev.rafter.image.ImageTree;
import dev.rafter.image.OpenedImage;
import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code rafter export}. */
@Command(
        name = "export",
        description = {
            "Write the whole tree of an image to standard output, as one pax tar, every chunk verified.",
            "It has owners, modes, times to the nanosecond, xattrs, device nodes, hard links and holes."
        })
final class ExportCommand implements Callable<Integer> {
    private static final int BUFFER_BYTES = 64 << 10;
    private static final Duration TIMEOUT = Duration.ofMinutes(2);
    private static final Path STANDARD_OUTPUT = Path.of("/proc/self/fd/1");
    private static final Pattern TERMINAL = Pattern.compile("/dev/(pts/.*|tty.*|console)");

    @ParentCommand
    private Main main = new Main();

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Mixin
    private final ImageOptions image = new ImageOptions();

    @Option(
            names = "--work",
            paramLabel = "DIR",
            description = "Where blobs of a registry are kept meanwhile (${DEFAULT-VALUE}).")
    private Path work = Path.of(System.getProperty("java.io.tmpdir"));

    @Override
    public Integer call() throws IOException {
        if (isTerminal()) {
            throw new FailureException(
                    FailureKind.USAGE,
                    "export writes a tar, which a terminal cannot show: write it to a file, rafter export IMAGE > FILE,"
                            + " or unpack it, rafter export IMAGE | tar -x");
        }
        return image.withWhole(main, work, this::export);
    }

    private static boolean isTerminal() throws IOException {
        return Files.isSymbolicLink(STANDARD_OUTPUT)
                && TERMINAL.matcher(Files.readSymbolicLink(STANDARD_OUTPUT).toString())
                        .matches();
    }

    private int export(OpenedImage opened) throws IOException {
        opened.requireDevices();
        OutputStream out = new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), BUFFER_BYTES);
        try (ImageTree tree = ImageTree.open(opened, 0, TIMEOUT)) {
            ImageExport.write(tree, out, this::warn);
        }
        out.flush();
        return 0;
    }

    private void warn(String problem) {
        spec.commandLine().getErr().println("rafter: " + problem);
    }
}
