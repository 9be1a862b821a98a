package dev.rafter.image;

import dev.rafter.format.ByteStrings;
import dev.rafter.format.Extent;
import dev.rafter.format.FileType;
import dev.rafter.format.Inode;
import java.io.IOException;
import java.time.Duration;
import java.util.BitSet;
import java.util.function.Consumer;

/** Reads all files of a plain EROFS image. Its format has no digests: what can be found is what cannot be read. */
final class PlainCheck {
    private static final Duration TIMEOUT = Duration.ofMinutes(2);

    private final ImageTree tree;
    private final Consumer<String> problems;
    private final BitSet read = new BitSet();

    private PlainCheck(ImageTree tree, Consumer<String> problems) {
        this.tree = tree;
        this.problems = problems;
    }

    /** @param problems takes what is wrong, one sentence for each file */
    static void check(OpenedImage image, Consumer<String> problems) throws IOException {
        try (ImageTree tree = ImageTree.open(image, 0, TIMEOUT)) {
            PlainCheck check = new PlainCheck(tree, problems);
            tree.filesystem().validate((at, inode) -> check.read(at.path(), inode));
        }
    }

    private void read(String path, Inode inode) {
        int number = (int) inode.number();
        if (inode.type() != FileType.REGULAR || read.get(number)) {
            return;
        }
        read.set(number);
        try {
            for (Extent extent : tree.data(inode)) {
                tree.copy(extent, (_, _, _) -> {});
            }
        } catch (IOException e) {
            problems.accept(ByteStrings.display(path) + ": " + e.getMessage());
        }
    }
}
