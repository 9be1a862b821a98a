package dev.rafter.build;

import dev.rafter.format.FileType;
import dev.rafter.format.tar.TarEntry;
import dev.rafter.format.tar.TarWriter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.TreeMap;

/** Puts layers together entry by entry. */
final class TarBuilder {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final TarWriter tar = new TarWriter(bytes);

    TarBuilder directory(String path) {
        return directory(path, 0700);
    }

    TarBuilder directory(String path, int permissions) {
        return put(entry(path, FileType.DIRECTORY, permissions, 0, ""), new byte[0]);
    }

    TarBuilder file(String path, String contents) {
        return file(path, contents.getBytes(StandardCharsets.UTF_8));
    }

    TarBuilder file(String path, byte[] contents) {
        return put(entry(path, FileType.REGULAR, 0644, contents.length, ""), contents);
    }

    TarBuilder symlink(String path, String target) {
        return put(entry(path, FileType.SYMLINK, 0777, 0, target), new byte[0]);
    }

    TarBuilder hardLink(String path, String target) {
        TarEntry link = new TarEntry(
                path, FileType.REGULAR, true, 0, 0, 0, 0, 0, 0, target, 0, 0, Collections.emptySortedMap());
        return put(link, new byte[0]);
    }

    TarBuilder whiteout(String path) {
        return file(path, "");
    }

    TarBuilder put(TarEntry entry, byte[] contents) {
        try {
            tar.put(entry);
            tar.write(contents, 0, contents.length);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return this;
    }

    static TarEntry entry(String path, FileType type, int permissions, long size, String target) {
        return new TarEntry(
                path, type, false, permissions, 1, 2, size, 1_700_000_000L, 5, target, 0, 0, new TreeMap<>());
    }

    byte[] build() {
        try {
            tar.finish();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }
}
