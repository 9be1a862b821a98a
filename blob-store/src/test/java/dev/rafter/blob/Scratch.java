package dev.rafter.blob;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.stream.Stream;

/** A directory for one test, on the disk of the build: a temporary directory may be a tmpfs, which a store refuses. */
public final class Scratch implements AutoCloseable {
    private final Path directory;

    public Scratch() throws IOException {
        directory = Files.createTempDirectory(Files.createDirectories(Path.of("target")), "scratch")
                .toAbsolutePath();
    }

    public Path directory() {
        return directory;
    }

    @Override
    public void close() throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
