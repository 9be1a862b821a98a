package dev.rafter.deploy.architecture;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What the team agreed to avoid, looked for in the sources. */
final class SourcesTest {
    private static final List<String> MODULES =
            List.of("registry-client", "blob-store", "fscache-bridge", "daemon", "deploy");
    /** Written in pieces, so that this file does not find itself. */
    private static final Pattern AVOIDED = Pattern.compile("TO" + "DO|FIX" + "ME|X" + "XX\\b|print"
            + "StackTrace\\(\\)|@Dis" + "abled|System\\.g" + "c\\(|sun\\.mi" + "sc");

    @Test
    void nothingOfWhatWeAvoidIsInTheSources() throws IOException {
        List<String> found = new ArrayList<>();
        for (Path file : sources()) {
            List<String> lines = Files.readAllLines(file);
            for (int i = 0; i < lines.size(); i++) {
                if (AVOIDED.matcher(lines.get(i)).find()) {
                    found.add(file + ":" + (i + 1) + ": " + lines.get(i).strip());
                }
            }
        }
        assertEquals(List.of(), found);
    }

    @Test
    void everyPackageOfTheProductSaysWhatItIsFor() throws IOException {
        List<Path> silent = sources().stream()
                .filter(file -> file.toString().contains("/src/main/java/"))
                .map(Path::getParent)
                .distinct()
                .filter(folder -> !Files.exists(folder.resolve("package-info.java")))
                .toList();
        assertEquals(List.of(), silent);
    }

    private static List<Path> sources() throws IOException {
        Path home = Path.of(System.getProperty("rafter.home"));
        List<Path> files = new ArrayList<>();
        for (String module : MODULES) {
            try (Stream<Path> tree = Files.walk(home.resolve(module).resolve("src"))) {
                tree.filter(file -> file.toString().endsWith(".java")).forEach(files::add);
            } catch (UncheckedIOException e) {
                throw e.getCause();
            }
        }
        assertTrue(files.size() > 50, () -> "only " + files.size() + " files below " + home);
        return files;
    }
}
