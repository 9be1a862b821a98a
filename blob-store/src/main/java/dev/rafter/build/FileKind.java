package dev.rafter.build;

import java.util.Comparator;
import java.util.regex.Pattern;

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
    private static final Pattern SELDOM =
            Pattern.compile("(.*/)?(tests?|testing|docs?|man|info|help|locale|include|examples?)/.*", Pattern.DOTALL);
    private static final Pattern LIBRARY = Pattern.compile(".*\\.so(\\.[0-9.]+)?", Pattern.DOTALL);
    private static final int LONGEST_ENDING = 16;
    private static final Comparator<FileKind> ORDER =
            Comparator.comparing(FileKind::seldomRead).thenComparing(FileKind::ending);

    static FileKind of(String path) {
        String name = path.substring(path.lastIndexOf('/') + 1);
        return new FileKind(SELDOM.matcher(path).matches(), ending(name));
    }

    private static String ending(String name) {
        if (LIBRARY.matcher(name).matches()) {
            return ".so";
        }
        int dot = name.lastIndexOf('.');
        return dot > 0 && name.length() - dot <= LONGEST_ENDING ? name.substring(dot) : "";
    }

    @Override
    public int compareTo(FileKind other) {
        return ORDER.compare(this, other);
    }
}
