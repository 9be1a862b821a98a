package dev.rafter.testkit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** An EROFS image mounted by the kernel through loop devices, until closed. Needs root. */
public final class MountedImage implements AutoCloseable {
    private final Path directory;
    private final List<String> loops = new ArrayList<>();

    /** Mounts an image with its devices. */
    public MountedImage(Path image, List<Path> devices) throws IOException {
        Commands.assumeRoot();
        Commands.assumePresent("mount", "umount", "losetup");
        directory = Files.createTempDirectory("erofs-mount");
        try {
            StringBuilder options = new StringBuilder("ro");
            for (Path device : devices) {
                options.append(",device=").append(loop(device));
            }
            Commands.run("mount", "-i", "-t", "erofs", "-o", options.toString(), loop(image), directory.toString());
        } catch (AssertionError | RuntimeException e) {
            close();
            throw e;
        }
    }

    private String loop(Path file) {
        String loop = Commands.run("losetup", "--find", "--show", "--read-only", file.toString())
                .strip();
        loops.add(loop);
        return loop;
    }

    public Path directory() {
        return directory;
    }

    @Override
    public void close() throws IOException {
        if (Commands.tryRun(List.of("mountpoint", "-q", directory.toString())).status() == 0
                && Commands.tryRun(List.of("umount", directory.toString())).status() != 0) {
            Commands.run("umount", "--lazy", directory.toString());
        }
        loops.forEach(loop -> Commands.tryRun(List.of("losetup", "--detach", loop)));
        Files.delete(directory);
    }
}
