package dev.rafter.cli;

import dev.rafter.format.ByteStrings;
import dev.rafter.format.DirectoryEntry;
import dev.rafter.format.FileType;
import dev.rafter.format.Inode;
import dev.rafter.format.erofs.ErofsImage;
import dev.rafter.image.ImageTree;
import dev.rafter.image.TreePath;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code rafter ls}. */
@Command(name = "ls", description = "List files of an image without mounting it.")
final class LsCommand implements Callable<Integer> {
    @ParentCommand
    private Main main = new Main();

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Mixin
    private final ImageOptions image = new ImageOptions();

    @Parameters(
            index = "1",
            arity = "0..1",
            paramLabel = "PATH",
            description = "A directory or file (/).",
            defaultValue = "/")
    private String path = "/";

    @Option(names = "-l", description = "Type and mode, links, owner, size or device, time, name, target.")
    private boolean isLong;

    @Option(names = "-R", description = "All that is below, by path.")
    private boolean isRecursive;

    @Override
    public Integer call() throws IOException {
        return image.with(main, opened -> {
            try (ImageTree tree = ImageTree.open(opened, 0, Duration.ZERO)) {
                list(tree.filesystem());
            }
            return 0;
        });
    }

    private void list(ErofsImage files) throws IOException {
        String name = ByteStrings.ofText(path);
        Inode start = TreePath.find(files, name, path.endsWith("/"));
        PrintWriter out = spec.commandLine().getOut();
        if (start.type() == FileType.DIRECTORY) {
            directory(files, start, isRecursive ? "/" + strip(name) : "", out);
        } else {
            print(start, name, out);
        }
        out.flush();
    }

    private void directory(ErofsImage files, Inode directory, String prefix, PrintWriter out) throws IOException {
        for (DirectoryEntry entry : files.directory(directory)) {
            Inode inode = files.inode(entry.inodeNumber());
            String shown = isRecursive ? prefix + (prefix.endsWith("/") ? "" : "/") + entry.name() : entry.name();
            print(inode, shown, out);
            if (isRecursive && inode.type() == FileType.DIRECTORY) {
                directory(files, inode, shown, out);
            }
        }
    }

    private static String strip(String name) {
        return name.replaceAll("^/+|/+$", "");
    }

    private void print(Inode inode, String name, PrintWriter out) {
        out.println(
                isLong
                        ? attributes(inode) + " " + ByteStrings.display(name) + target(inode)
                        : ByteStrings.display(name));
    }

    private static String attributes(Inode inode) {
        return "%s %3d %s:%s %11s %s"
                .formatted(
                        mode(inode),
                        inode.links(),
                        inode.uid(),
                        inode.gid(),
                        size(inode),
                        Instant.ofEpochSecond(inode.mtimeSeconds(), inode.mtimeNanos()));
    }

    private static String size(Inode inode) {
        return switch (inode.type()) {
            case CHARACTER_DEVICE, BLOCK_DEVICE -> inode.deviceMajor() + "," + inode.deviceMinor();
            default -> String.valueOf(inode.size());
        };
    }

    private static String target(Inode inode) {
        return inode.type() == FileType.SYMLINK ? " -> " + ByteStrings.display(inode.target()) : "";
    }

    private static String mode(Inode inode) {
        int bits = inode.permissions();
        StringBuilder text = new StringBuilder();
        text.append(
                switch (inode.type()) {
                    case REGULAR -> '-';
                    case DIRECTORY -> 'd';
                    case CHARACTER_DEVICE -> 'c';
                    case BLOCK_DEVICE -> 'b';
                    case FIFO -> 'p';
                    case SOCKET -> 's';
                    case SYMLINK -> 'l';
                });
        triad(text, bits >> 6, (bits & 04000) != 0, 's');
        triad(text, bits >> 3, (bits & 02000) != 0, 's');
        triad(text, bits, (bits & 01000) != 0, 't');
        return text.toString();
    }

    private static void triad(StringBuilder text, int bits, boolean isSpecial, char special) {
        text.append((bits & 4) != 0 ? 'r' : '-').append((bits & 2) != 0 ? 'w' : '-');
        boolean isExecutable = (bits & 1) != 0;
        if (isSpecial) {
            text.append(isExecutable ? special : Character.toUpperCase(special));
        } else {
            text.append(isExecutable ? 'x' : '-');
        }
    }
}
