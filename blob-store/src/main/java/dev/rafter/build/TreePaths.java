package dev.rafter.build;

import java.util.ArrayList;
import java.util.List;

/** Paths of archives, cleaned: whatever they say, they stay below the root. */
final class TreePaths {
    /** What Linux takes as one path. */
    static final int MAX_PATH_LENGTH = 4095;

    static final int MAX_NAME_LENGTH = 255;

    private TreePaths() {}

    /** The names of a path in order; "." left out, ".." gone with the name before it, at the root with nothing. */
    static List<String> clean(String path) {
        List<String> names = new ArrayList<>();
        for (String name : split(path)) {
            if (!name.equals("..")) {
                names.add(name);
            } else if (!names.isEmpty()) {
                names.removeLast();
            }
        }
        return names;
    }

    /** The names of a path, ".." among them. */
    static List<String> split(String path) {
        List<String> names = new ArrayList<>();
        int start = 0;
        while (start <= path.length()) {
            int slash = path.indexOf('/', start);
            int end = slash < 0 ? path.length() : slash;
            if (end > start && !(end == start + 1 && path.charAt(start) == '.')) {
                names.add(path.substring(start, end));
            }
            start = end + 1;
        }
        return names;
    }
}
