package dev.rafter.build;

import java.util.Comparator;
import java.util.Set;

/**
 * What kind a file is of, by its path. A program that starts reads files of few kinds: an interpreter its compiled modules, a linker its
 * libraries, and hardly anybody sources, headers or texts. So a blob keeps files of a kind together, in the order of the tar, and what
 * is fetched around a read is more often read as well. What lies in folders of tests and documents comes last of all: its files are of
 * the same kinds, and between others would be fetched with them.
 *
 * @param seldomRead whether a folder on the path says so
 * @param ending the name's ending, from its last dot on; ".so" of every shared library
 */
record FileKind(boolean seldomRead, String ending) implements Comparable<FileKind> {
    private static final Set<String> SELDOM = Set.of(
            "test",
            "tests",
            "testing",
            "doc",
            "docs",
            "man",
            "info",
            "help",
            "locale",
            "include",
            "example",
            "examples");
    private static final String LIBRARY = ".so";
    private static final int LONGEST_ENDING = 16;
    private static final Comparator<FileKind> ORDER =
            Comparator.comparing(FileKind::seldomRead).thenComparing(FileKind::ending);

    static FileKind of(String path) {
        boolean seldomRead = false;
        int name = 0;
        for (int slash = path.indexOf('/'); slash >= 0 && !seldomRead; slash = path.indexOf('/', name)) {
            seldomRead = SELDOM.contains(path.substring(name, slash));
            name = slash + 1;
        }
        return new FileKind(seldomRead, ending(path.substring(path.lastIndexOf('/') + 1)));
    }

    private static String ending(String name) {
        if (isLibrary(name)) {
            return LIBRARY;
        }
        int dot = name.lastIndexOf('.');
        return dot > 0 && name.length() - dot <= LONGEST_ENDING ? name.substring(dot) : "";
    }

    /** "libc.so", "libc.so.6", "libc-2.36.so.6.1". */
    private static boolean isLibrary(String name) {
        int end = name.length();
        while (end > 0 && isOfVersion(name.charAt(end - 1))) {
            end--;
        }
        boolean version = name.length() - end >= 2 && name.charAt(end) == '.';
        return name.startsWith(LIBRARY, end - LIBRARY.length()) && (version || end == name.length());
    }

    private static boolean isOfVersion(char c) {
        return c == '.' || (c >= '0' && c <= '9');
    }

    @Override
    public int compareTo(FileKind other) {
        return ORDER.compare(this, other);
    }
}
