package dev.rafter.cli;

import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import dev.rafter.format.ByteStrings;
import dev.rafter.format.FileType;
import dev.rafter.format.Inode;
import dev.rafter.image.ImageTree;
import dev.rafter.image.OpenedImage;
import dev.rafter.image.TreePath;
import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** {@code rafter cat}. */
@Command(name = "cat", description = "Write a file of an image to standard output, every chunk verified.")
final class CatCommand implements Callable<Integer> {
    private static final int READ_AHEAD_BYTES = 1 << 20;
    private static final Duration TIMEOUT = Duration.ofMinutes(2);

    @ParentCommand
    private Main main = new Main();

    @Mixin
    private final ImageOptions image = new ImageOptions();

    @Parameters(index = "1", paramLabel = "PATH", description = "Which file; links are followed within the image.")
    private String path = "";

    @Override
    public Integer call() throws IOException {
        return image.with(main, this::cat);
    }

    private int cat(OpenedImage opened) throws IOException {
        try (ImageTree tree = ImageTree.open(opened, READ_AHEAD_BYTES, TIMEOUT)) {
            Inode file = TreePath.find(tree.filesystem(), ByteStrings.ofText(path), true);
            if (file.type() != FileType.REGULAR) {
                throw new FailureException(
                        FailureKind.USAGE, opened.name() + ": " + path + " is no regular file, so has no contents");
            }
            OutputStream out = new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), 1 << 16);
            tree.copy(file, out);
            out.flush();
            return 0;
        }
    }
}
