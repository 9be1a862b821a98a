package dev.rafter.build;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.rafter.testkit.Seeds;
import java.util.List;
import java.util.Random;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Which files lie together in a blob. */
final class FileKindTest {
    @Test
    void filesOfAKindLieTogetherAndThoseThatAreSeldomReadLast() {
        List<String> sorted = List.of(
                "usr/bin/python3",
                "etc/.hidden",
                "usr/lib/a.longer-than-any-ending",
                "usr/lib/python3/os.pyc",
                "usr/lib/libc.so.6",
                "usr/lib/libssl.so",
                "opt/testimony/lib.so.1.2.3",
                "tests/run",
                "usr/share/doc/bash/copyright",
                "usr/lib/python3/pandas/tests/io/test_sql.pyc",
                "usr/lib/python3/test/libtest.so");
        assertEquals(
                sorted,
                sorted.stream()
                        .sorted((a, b) -> FileKind.of(a).compareTo(FileKind.of(b)))
                        .toList());
    }

    @Test
    void theNamesOfFilesThemselvesSayNothing() {
        assertEquals(FileKind.of("bin/ls"), FileKind.of("bin/test"));
        assertEquals(FileKind.of("bin/ls"), FileKind.of("bin/man"));
        assertEquals(new FileKind(false, ".so"), FileKind.of("a\nb/c\nd.so.1"));
    }

    /** The rules as patterns, which say them more plainly and take ten times as long. */
    @Test
    void kindsAreThoseOfThePatterns() {
        Pattern seldom = Pattern.compile(
                "(.*/)?(tests?|testing|docs?|man|info|help|locale|include|examples?)/.*", Pattern.DOTALL);
        Pattern library = Pattern.compile(".*\\.so(\\.[0-9.]+)?", Pattern.DOTALL);
        String[] parts = {"test", "doc", "tests", "x", "/", "/", ".so", ".", "1", ".6", "\n", "include", "o"};
        Random random = new Random(Seeds.seed("FileKindTest", 1));
        for (int i = 0; i < 20_000; i++) {
            String path = random.ints(random.nextInt(1, 8), 0, parts.length)
                    .mapToObj(part -> parts[part])
                    .collect(Collectors.joining());
            String name = path.substring(path.lastIndexOf('/') + 1);
            FileKind kind = FileKind.of(path);
            assertEquals(seldom.matcher(path).matches(), kind.seldomRead(), path);
            assertEquals(library.matcher(name).matches(), kind.ending().equals(".so"), path);
        }
    }
}
