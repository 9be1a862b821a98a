package dev.rafter.build;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
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
}
