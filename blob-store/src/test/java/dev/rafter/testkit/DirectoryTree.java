package dev.rafter.testkit;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Reads a real directory as a tree, with all attributes. It asks the system's own programs, since java.nio can not take names that
 * are not text, nor trusted and security xattrs.
 */
public final class DirectoryTree {
    private static final int TYPE_MASK = 0xF000;

    private final String directory;

    private DirectoryTree(Path directory) {
        this.directory = directory.toString();
    }

    public static Tree of(Path directory) {
        Commands.assumePresent("find", "stat", "xargs", "sha256sum", "getfattr");
        return new DirectoryTree(directory).read();
    }

    private Tree read() {
        Map<String, String> targets = pairs("find '%s' -type l -printf '%%p\\0%%l\\0'");
        Map<String, String> digests = digests();
        Map<String, SortedMap<String, String>> xattrs = xattrs();
        Tree.Builder tree = new Tree.Builder();
        Iterator<String> fields = records(
                        "find '%s' -print0 | xargs -0 stat --printf '%%n\\0%%f\\0%%u\\0%%g\\0%%s\\0%%.9Y\\0%%h\\0%%i\\0%%t\\0%%T\\0'")
                .iterator();
        while (fields.hasNext()) {
            String path = fields.next();
            Stat stat = new Stat(fields);
            tree.add(
                    inTree(path),
                    stat.file(
                            targets.getOrDefault(path, ""),
                            xattrs.getOrDefault(path, new TreeMap<>()),
                            digests.getOrDefault(path, "")),
                    stat.inode);
        }
        return tree.build();
    }

    /** What stat says, in the order of its format. */
    private static final class Stat {
        private final int mode;
        private final long uid;
        private final long gid;
        private final long size;
        private final String mtime;
        private final long links;
        final String inode;
        private final String rdev;

        Stat(Iterator<String> fields) {
            mode = Integer.parseInt(fields.next(), 16);
            uid = Long.parseLong(fields.next());
            gid = Long.parseLong(fields.next());
            size = Long.parseLong(fields.next());
            mtime = mtime(fields.next());
            links = Long.parseLong(fields.next());
            inode = fields.next();
            rdev = Integer.parseInt(fields.next(), 16) + ":" + Integer.parseInt(fields.next(), 16);
        }

        /** Stat shows times before 1970 as fractions below zero: -0.5 is half a second before, not after, second -1. */
        private static String mtime(String stat) {
            String[] parts = stat.split("\\.", 2);
            long seconds = Long.parseLong(parts[0]);
            int nanos = Integer.parseInt(parts[1]);
            if (stat.startsWith("-") && nanos > 0) {
                return (seconds - 1) + "." + (1_000_000_000 - nanos);
            }
            return seconds + "." + nanos;
        }

        TreeFile file(String target, SortedMap<String, String> xattrs, String sha256) {
            String type = type();
            boolean device = type.equals("char") || type.equals("block");
            return new TreeFile(
                    type,
                    mode & ~TYPE_MASK,
                    uid,
                    gid,
                    type.equals("reg") || type.equals("symlink") ? size : 0,
                    mtime,
                    "",
                    type.equals("dir") ? 0 : links,
                    device ? rdev : "",
                    target,
                    xattrs,
                    sha256);
        }

        private String type() {
            return ImageTree.typeName(dev.rafter.format.FileType.ofMode(mode).orElseThrow());
        }
    }

    private String inTree(String path) {
        return path.equals(directory) ? "/" : path.substring(directory.length());
    }

    private Map<String, String> digests() {
        Map<String, String> digests = new HashMap<>();
        for (String line : records("find '%s' -type f -print0 | xargs -0 -r sha256sum -z --")) {
            digests.put(line.substring(66), line.substring(0, 64));
        }
        return digests;
    }

    private Map<String, String> pairs(String command) {
        Map<String, String> pairs = new HashMap<>();
        for (Iterator<String> fields = records(command).iterator(); fields.hasNext(); ) {
            pairs.put(fields.next(), fields.next());
        }
        return pairs;
    }

    private List<String> records(String command) {
        String output = Commands.run("sh", "-c", command.formatted(directory));
        return output.isEmpty()
                ? List.of()
                : Arrays.asList(output.split("\0", -1)).subList(0, count(output));
    }

    private static int count(String output) {
        return (int) output.chars().filter(c -> c == 0).count();
    }

    private Map<String, SortedMap<String, String>> xattrs() {
        Map<String, SortedMap<String, String>> xattrs = new HashMap<>();
        String path = "";
        String dump = Commands.run(
                "getfattr", "-R", "-P", "-h", "-d", "-m", "-", "-e", "base64", "--absolute-names", directory);
        for (String line : dump.split("\n", -1)) {
            if (line.startsWith("# file: ")) {
                path = unescape(line.substring("# file: ".length()));
                xattrs.put(path, new TreeMap<>());
            } else if (!line.isEmpty()) {
                int equals = line.indexOf('=');
                String name = unescape(equals < 0 ? line : line.substring(0, equals));
                xattrs.getOrDefault(path, new TreeMap<>())
                        .put(name, value(equals < 0 ? "" : line.substring(equals + 1)));
            }
        }
        return xattrs;
    }

    private static String value(String shown) {
        return shown.startsWith("0s") ? shown.substring(2) : shown.replace("\"", "");
    }

    /** Getfattr writes odd bytes as a backslash and three octal digits. */
    private static String unescape(String shown) {
        StringBuilder string = new StringBuilder(shown.length());
        for (int i = 0; i < shown.length(); i++) {
            if (shown.charAt(i) == '\\') {
                string.append((char) Integer.parseInt(shown.substring(i + 1, i + 4), 8));
                i += 3;
            } else {
                string.append(shown.charAt(i));
            }
        }
        return string.toString();
    }
}
