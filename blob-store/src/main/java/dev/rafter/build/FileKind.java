package dev.rafter.build;

import java.util.regex.Pattern;

/**
 * What kind a file is of, by its name's ending. A program that starts reads files of few kinds: an interpreter its compiled modules, a linker
 * its libraries, and hardly anybody sources, headers or texts. So a blob keeps files of a kind together, in the order of the tar, and what
 * is fetched around a read is more often read as well.
 */
final class FileKind {
    private static final Pattern LIBRARY = Pattern.compile(".*\\.so(\\.[0-9.]+)?");
    private static final int LONGEST_ENDING = 16;

    private FileKind() {}

    static String of(String path) {
        String name = path.substring(path.lastIndexOf('/') + 1);
        if (LIBRARY.matcher(name).matches()) {
            return ".so";
        }
        int dot = name.lastIndexOf('.');
        return dot > 0 && name.length() - dot <= LONGEST_ENDING ? name.substring(dot) : "";
    }
}
