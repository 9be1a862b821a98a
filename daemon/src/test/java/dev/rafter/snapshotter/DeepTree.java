package dev.rafter.snapshotter;

import dev.rafter.linux.Fd;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Trees deeper than paths may be long, as a container makes them: one folder, and then one in that. */
final class DeepTree {
    private static final int STRIDE = 100;

    private DeepTree() {}

    /** Makes a chain of folders, with a file in each of the deepest and of every hundredth. */
    static void make(Path folder, int levels, int fileBytes) throws IOException {
        Fd at = Fd.open(folder, Fd.O_DIRECTORY);
        for (int level = 0; level < levels; level += STRIDE) {
            Path path = at.path().resolve("d/".repeat(Math.min(STRIDE, levels - level)));
            Files.createDirectories(path);
            Files.write(path.resolve("file"), new byte[fileBytes]);
            try (Fd _ = at) {
                at = Fd.open(path, Fd.O_DIRECTORY);
            }
        }
        at.close();
    }
}
