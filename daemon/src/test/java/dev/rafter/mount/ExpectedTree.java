package dev.rafter.mount;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** What a fixture's tree is to be: {@code expected.jsonl}, but for what {@code deviations.json} says of the fixture. */
@SuppressWarnings("NullAway") // what Files.readAttributes was asked for, it gives
final class ExpectedTree {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Map<String, JsonNode> paths = new TreeMap<>();

    ExpectedTree(Path fixtures, String fixture) throws IOException {
        for (String line : Files.readAllLines(fixtures.resolve("expected.jsonl"))) {
            JsonNode node = JSON.readTree(line);
            paths.put(node.get("path").asText(), node);
        }
        JsonNode deviations =
                JSON.readTree(fixtures.resolve("deviations.json").toFile()).path(fixture);
        for (Map.Entry<String, JsonNode> deviation : deviations.properties()) {
            deviate(deviation.getKey(), deviation.getValue());
        }
    }

    private void deviate(String path, JsonNode deviation) {
        if (deviation.path("missing").asBoolean()) {
            paths.remove(path);
        } else if (deviation.has("extra")) {
            paths.put(path, deviation.get("extra"));
        } else if (paths.get(path) instanceof ObjectNode node) {
            deviation.properties().forEach(field -> node.set(field.getKey(), field.getValue()));
        }
    }

    /** SHA-256 of a regular file's contents. */
    String sha256(String path) {
        return paths.get(path).get("sha256").asText();
    }

    /** Paths of regular files. */
    List<String> files() {
        return paths.entrySet().stream()
                .filter(entry -> entry.getValue().get("type").asText().equals("reg"))
                .map(Map.Entry::getKey)
                .toList();
    }

    /** Differences between a mounted tree and this one: names, types, modes, owners, sizes, contents. */
    List<String> compare(Path root) throws IOException {
        List<String> differences = new ArrayList<>();
        Map<String, JsonNode> missing = new TreeMap<>(paths);
        try (Stream<Path> walk = Files.walk(root)) {
            walk.forEach(file -> {
                String path = name(root, file);
                JsonNode expected = missing.remove(path);
                if (expected == null) {
                    differences.add(path + ": is not expected");
                } else {
                    compare(path, file, expected, differences);
                }
            });
        }
        missing.keySet().forEach(path -> differences.add(path + ": is missing"));
        return differences;
    }

    private static void compare(String path, Path file, JsonNode expected, List<String> differences) {
        try {
            Map<String, Object> found = Files.readAttributes(file, "unix:mode,uid,gid,size", LinkOption.NOFOLLOW_LINKS);
            String type = expected.get("type").asText();
            int mode = (int) found.get("mode");
            differ(path, "type", type, type(mode), differences);
            differ(path, "mode", Integer.parseInt(expected.get("mode").asText(), 8), mode & 07777, differences);
            differ(path, "uid", (int) expected.get("uid").asLong(), found.get("uid"), differences);
            differ(path, "gid", (int) expected.get("gid").asLong(), found.get("gid"), differences);
            if (type.equals("reg")) {
                differ(path, "size", expected.get("size").asLong(), found.get("size"), differences);
                differ(path, "sha256", expected.get("sha256").asText(), sha256(file), differences);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void differ(String path, String field, Object expected, Object found, List<String> differences) {
        if (!expected.equals(found)) {
            differences.add(path + ": " + field + " is " + found + ", expected " + expected);
        }
    }

    private static String type(int mode) {
        return switch (mode & 0170000) {
            case 0100000 -> "reg";
            case 0040000 -> "dir";
            case 0120000 -> "symlink";
            case 0020000 -> "char";
            case 0060000 -> "block";
            case 0010000 -> "fifo";
            default -> "other";
        };
    }

    static String sha256(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            MessageDigest hash = MessageDigest.getInstance("SHA-256");
            byte[] buffer = new byte[1 << 16];
            for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
                hash.update(buffer, 0, count);
            }
            return HexFormat.of().formatHex(hash.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The path as the fixtures write it: what is not UTF-8 and "%" as %XX. A path's URI gives the bytes of its name. */
    private static String name(Path root, Path file) {
        String uri =
                file.toUri().getRawPath().substring(root.toUri().getRawPath().length() - 1);
        return escaped(bytes(uri.length() > 1 && uri.endsWith("/") ? uri.substring(0, uri.length() - 1) : uri));
    }

    /** The file at a path that {@link #files} gives: its bytes, which need not be UTF-8, stand in a URI. */
    static Path resolve(Path root, String path) {
        StringBuilder uri = new StringBuilder(root.toUri().getRawPath().replaceAll("/$", ""));
        for (byte b : bytes(path)) {
            uri.append(b == '/' ? "/" : "%%%02X".formatted(b));
        }
        return Path.of(URI.create("file://" + uri));
    }

    private static byte[] bytes(String raw) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int i = 0; i < raw.length(); i++) {
            if (raw.charAt(i) == '%') {
                bytes.write(Integer.parseInt(raw, i + 1, i + 3, 16));
                i += 2;
            } else {
                int codePoint = raw.codePointAt(i);
                bytes.writeBytes(Character.toString(codePoint).getBytes(StandardCharsets.UTF_8));
                i += Character.charCount(codePoint) - 1;
            }
        }
        return bytes.toByteArray();
    }

    private static String escaped(byte[] name) {
        StringBuilder text = new StringBuilder();
        for (int at = 0; at < name.length; ) {
            int length = utf8Length(name, at);
            if (length == 0 || name[at] == '%') {
                text.append("%%%02X".formatted(name[at]));
                at++;
            } else {
                text.append(new String(name, at, length, StandardCharsets.UTF_8));
                at += length;
            }
        }
        return text.toString();
    }

    private static int utf8Length(byte[] name, int at) {
        for (int length = 1; length <= 4 && at + length <= name.length; length++) {
            String text = new String(name, at, length, StandardCharsets.UTF_8);
            if (text.indexOf('\uFFFD') < 0 && text.codePointCount(0, text.length()) == 1) {
                return length;
            }
        }
        return 0;
    }

    static void assertSame(Path fixtures, String fixture, Path root) throws IOException {
        assertEquals(List.of(), new ExpectedTree(fixtures, fixture).compare(root));
    }
}
