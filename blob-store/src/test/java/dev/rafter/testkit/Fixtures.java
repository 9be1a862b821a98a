package dev.rafter.testkit;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Assumptions;

/** The golden images, which lie beside the repository. A test that asks for them is skipped where they are absent. */
public final class Fixtures {
    private Fixtures() {}

    public static Path root() {
        Path root = Path.of(System.getProperty("rafter.shared", "../shared"), "fixtures");
        Assumptions.assumeTrue(Files.isDirectory(root), "the golden images are not at " + root.toAbsolutePath());
        return root;
    }

    /** The files of a directory of fixtures whose names match a glob, by name. */
    public static List<Path> list(String directory, String glob) {
        var matcher = root().getFileSystem().getPathMatcher("glob:" + glob);
        try (Stream<Path> files = Files.list(root().resolve(directory))) {
            return files.filter(file -> matcher.matches(file.getFileName()))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A file's bytes, unpacked if its name ends in ".gz". */
    public static byte[] bytes(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            return file.toString().endsWith(".gz") ? new GZIPInputStream(in).readAllBytes() : in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public static MemorySegment segment(Path file) {
        return MemorySegment.ofArray(bytes(file));
    }
}
