package dev.rafter.mount;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A line of {@code /proc/self/mountinfo} (proc_pid_mountinfo(5)).
 *
 * @param directory the mount point
 * @param device of the filesystem, "0:57"
 * @param type of the filesystem: "erofs"
 * @param source what is mounted
 * @param options of the filesystem, as the kernel shows them, not taken apart
 */
record MountInfo(Path directory, String device, String type, String source, String options) {
    private static final Path FILE = Path.of("/proc/self/mountinfo");
    /** How the kernel was told the name of a file whose path is longer than it takes: by a descriptor of that moment. */
    private static final String BY_DESCRIPTOR = "/proc/self/fd/";

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

    /** Whether the kernel shows a mount of ours at its directory: it, and nothing that somebody else has mounted there. */
    static boolean shows(MountRecord record) throws IOException {
        return at(record.directory())
                .filter(mount -> mount.type.equals("erofs"))
                .filter(mount -> mount.source.equals(record.bootstrap()) || mount.source.startsWith(BY_DESCRIPTOR))
                .isPresent();
    }

    static MountInfo parse(String line) {
        String[] halves = line.split(" - ", 2);
        String[] first = halves[0].split(" ", -1);
        String[] second = halves[1].split(" ", -1);
        return new MountInfo(
                Path.of(unescape(first[4])), first[2], second[0], unescape(second[1]), unescape(second[2]));
    }

    /** Whether this is an overlay that reads from a directory, or from one below it. */
    boolean isOverlayOf(Path lower) {
        return type.equals("overlay")
                && Pattern.compile("[=:]" + Pattern.quote(lower.toString()) + "(?=[:,/]|$)")
                        .matcher(options)
                        .find();
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
