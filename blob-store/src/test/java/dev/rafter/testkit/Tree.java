package dev.rafter.testkit;

import dev.rafter.format.ByteStrings;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assertions;

/** A whole tree as a value: absolute paths (byte strings) to what is there. Made by reading it, and compared path by path. */
public final class Tree {
    private static final int DIFFERENCES_SHOWN = 20;

    private final SortedMap<String, TreeFile> files;

    private Tree(SortedMap<String, TreeFile> files) {
        this.files = files;
    }

    public SortedMap<String, TreeFile> files() {
        return files;
    }

    /** Gathers a tree; hard links are recognized by an identity of any kind. */
    public static final class Builder {
        private final SortedMap<String, TreeFile> files = new TreeMap<>();
        private final Map<Object, List<String>> names = new HashMap<>();

        /**
         * @param file with its links as stated by what is read; the group is found out here
         * @param identity equal for all names of a file
         */
        public void add(String path, TreeFile file, Object identity) {
            if (files.put(path, file) != null) {
                throw new IllegalArgumentException(path + " is there twice");
            }
            if (!file.type().equals("dir")) {
                names.computeIfAbsent(identity, _ -> new ArrayList<>()).add(path);
            }
        }

        public Tree build() {
            for (List<String> paths : names.values()) {
                String first = paths.stream().min(String::compareTo).orElseThrow();
                for (String path : paths) {
                    files.computeIfPresent(path, (_, file) -> file.withGroup(paths.size() > 1 ? first : ""));
                }
            }
            return new Tree(files);
        }
    }

    /** Fails with the first differences, if there are any. */
    public static void assertSame(Tree expected, Tree actual) {
        List<String> differences = differences(expected, actual);
        if (!differences.isEmpty()) {
            Assertions.fail(differences.size() + " differences, the first of them:\n"
                    + String.join("\n", differences.subList(0, Math.min(DIFFERENCES_SHOWN, differences.size()))));
        }
    }

    static List<String> differences(Tree expected, Tree actual) {
        List<String> differences = new ArrayList<>();
        expected.files.forEach((path, file) -> compare(path, file, actual.files.get(path), differences));
        actual.files.keySet().stream()
                .filter(path -> !expected.files.containsKey(path))
                .forEach(path -> differences.add(ByteStrings.display(path) + ": should not be there"));
        return differences;
    }

    private static void compare(String path, TreeFile expected, @Nullable TreeFile actual, List<String> differences) {
        if (actual == null) {
            differences.add(ByteStrings.display(path) + ": is missing");
            return;
        }
        TreeFile comparable = expected.mtime() == null ? actual.withMtime(null) : actual;
        if (!comparable.equals(expected)) {
            differences.add(ByteStrings.display(path) + "\n  expected " + ByteStrings.display(expected.toString())
                    + "\n  actual   " + ByteStrings.display(comparable.toString()));
        }
    }
}
