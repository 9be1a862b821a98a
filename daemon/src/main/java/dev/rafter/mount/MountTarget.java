package dev.rafter.mount;

import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;

/** The directory that an image is to be mounted on: an empty one, made if there is none. */
final class MountTarget {
    private MountTarget() {}

    /**
     * @return the directory by its real path
     * @throws FailureException if something else is there
     */
    static Path prepare(String text) throws IOException {
        Path directory = Path.of(text);
        if (!directory.isAbsolute()) {
            throw new FailureException(FailureKind.USAGE, "the target must be an absolute path, is " + text);
        }
        if (Files.notExists(directory, LinkOption.NOFOLLOW_LINKS)) {
            Files.createDirectories(directory);
        }
        if (!Files.isDirectory(directory)) {
            throw refused(directory, "is no directory");
        }
        Path real = directory.toRealPath();
        if (MountInfo.at(real).isPresent()) {
            throw refused(real, "is a mount point already; unmount it first, or choose another directory");
        }
        requireEmpty(real);
        return real;
    }

    private static void requireEmpty(Path directory) throws IOException {
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
            if (entries.iterator().hasNext()) {
                throw refused(directory, "is not empty; a mount would hide what is there: choose an empty directory");
            }
        }
    }

    private static FailureException refused(Path directory, String why) {
        return new FailureException(FailureKind.USAGE, "cannot mount at " + directory + ": it " + why);
    }
}
