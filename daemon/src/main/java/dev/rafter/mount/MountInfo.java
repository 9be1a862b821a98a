package dev.rafter.mount;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A line of {@code /proc/self/mountinfo} (proc_pid_mountinfo(5)).
 *
 * @param directory the mount point
 * @param type of the filesystem: "erofs"
 * @param source what is mounted
 */
record MountInfo(Path directory, String type, String source) {
    private static final Path FILE = Path.of("/proc/self/mountinfo");

    static List<MountInfo> all() throws IOException {
        return Files.readAllLines(FILE, StandardCharsets.ISO_8859_1).stream()
                .map(MountInfo::parse)
                .toList();
    }

    /** The topmost mount at a directory. */
    static Optional<MountInfo> at(Path directory) throws IOException {
        return all().reversed().stream()
                .filter(mount -> mount.directory.equals(directory))
                .findFirst();
    }

    static MountInfo parse(String line) {
        String[] halves = line.split(" - ", 2);
        String[] first = halves[0].split(" ", -1);
        String[] second = halves[1].split(" ", -1);
        return new MountInfo(Path.of(unescape(first[4])), second[0], unescape(second[1]));
    }

    /** Blank, tab, newline and backslash are written as {@code \ooo}. */
    private static String unescape(String text) {
        if (text.indexOf('\\') < 0) {
            return utf8(text);
        }
        StringBuilder plain = new StringBuilder();
        for (int i = 0; i < text.length(); i++) {
            if (text.charAt(i) == '\\' && i + 3 < text.length()) {
                plain.append((char) Integer.parseInt(text, i + 1, i + 4, 8));
                i += 3;
            } else {
                plain.append(text.charAt(i));
            }
        }
        return utf8(plain.toString());
    }

    private static String utf8(String bytes) {
        return new String(bytes.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
    }
}
