package dev.rafter.registry.layout;

import java.io.IOException;
import java.nio.channels.ReadableByteChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalLong;

/** A layout in a directory. */
record DirectoryFiles(Path directory, String describe) implements LayoutFiles {
    @Override
    public OptionalLong size(String name) throws IOException {
        Path file = directory.resolve(name);
        return Files.isRegularFile(file) ? OptionalLong.of(Files.size(file)) : OptionalLong.empty();
    }

    @Override
    public ReadableByteChannel open(String name, long offset, long lengthBytes) throws IOException {
        return FileRange.open(directory.resolve(name), offset, lengthBytes);
    }

    @Override
    public Optional<FileRange> open(String name) throws IOException {
        Path file = directory.resolve(name);
        try {
            return Files.isRegularFile(file) ? Optional.of(FileRange.open(file)) : Optional.empty();
        } catch (NoSuchFileException e) {
            return Optional.empty(); // it has gone just now
        }
    }
}
