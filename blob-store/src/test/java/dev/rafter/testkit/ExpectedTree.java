package dev.rafter.testkit;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.rafter.format.ByteStrings;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The tree that all golden images hold, with what a fixture is known to hold otherwise. */
public final class ExpectedTree {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String EVERY_PATH = "*";

    private ExpectedTree() {}

    /**
     * The tree of a fixture of the usual tree.
     *
     * @param fixture its name in fixtures.json, "erofs/plain"
     */
    public static Tree of(String fixture) {
        return of(Fixtures.root(), fixture);
    }

    /**
     * The tree of a fixture.
     *
     * @param directory holds expected.jsonl and deviations.json
     */
    public static Tree of(Path directory, String fixture) {
        try {
            return build(rows(directory, fixture));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static SortedMap<String, ObjectNode> rows(Path directory, String fixture) throws IOException {
        SortedMap<String, ObjectNode> rows = new TreeMap<>();
        for (String line : Files.readAllLines(directory.resolve("expected.jsonl"))) {
            ObjectNode row = (ObjectNode) JSON.readTree(line);
            rows.put(row.get("path").asText(), row);
        }
        JsonNode deviations =
                JSON.readTree(directory.resolve("deviations.json").toFile()).path(fixture);
        if (deviations.has(EVERY_PATH)) {
            rows.values().forEach(row -> row.setAll((ObjectNode) deviations.get(EVERY_PATH)));
        }
        deviations.properties().forEach(deviation -> deviate(rows, deviation.getKey(), deviation.getValue()));
        return rows;
    }

    private static void deviate(SortedMap<String, ObjectNode> rows, String path, JsonNode deviation) {
        if (path.equals(EVERY_PATH)) {
            return;
        }
        if (deviation.has("missing")) {
            rows.remove(path);
        } else if (deviation.has("extra")) {
            rows.put(path, ((ObjectNode) deviation.get("extra")).put("path", path));
        } else {
            rows.computeIfPresent(path, (_, row) -> row.setAll((ObjectNode) deviation));
        }
    }

    private static Tree build(SortedMap<String, ObjectNode> rows) {
        Map<String, Integer> groupSizes = new HashMap<>();
        rows.values().stream()
                .filter(row -> row.path("links").isNumber())
                .forEach(row -> groupSizes.merge(row.get("links").asText(), 1, Integer::sum));
        Tree.Builder tree = new Tree.Builder();
        rows.forEach((path, row) -> {
            JsonNode links = row.path("links");
            int names = links.isNumber() ? groupSizes.getOrDefault(links.asText(), 1) : 1;
            tree.add(unescape(path), file(row, names), links.isNumber() ? links.asText() : path);
        });
        return tree.build();
    }

    private static TreeFile file(ObjectNode row, int names) {
        String type = row.get("type").asText();
        JsonNode rdev = row.path("rdev");
        return new TreeFile(
                type,
                Integer.parseInt(row.get("mode").asText(), 8),
                row.get("uid").asLong(),
                row.get("gid").asLong(),
                row.path("size").asLong(0),
                mtime(row.path("mtime")),
                "",
                type.equals("dir") ? 0 : names,
                rdev.isArray() ? rdev.get(0).asInt() + ":" + rdev.get(1).asInt() : "",
                row.path("target").isTextual() ? unescape(row.get("target").asText()) : "",
                xattrs(row.path("xattrs")),
                row.path("sha256").asText("").replace("null", ""));
    }

    private static @Nullable String mtime(JsonNode mtime) {
        return mtime.isArray() ? mtime.get(0).asLong() + "." + mtime.get(1).asInt() : null;
    }

    private static SortedMap<String, String> xattrs(JsonNode xattrs) {
        SortedMap<String, String> values = new TreeMap<>();
        xattrs.properties()
                .forEach(xattr ->
                        values.put(unescape(xattr.getKey()), xattr.getValue().asText()));
        return values;
    }

    /** The byte string of a text in which %XX stands for a byte. */
    private static String unescape(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(utf8.length);
        for (int i = 0; i < utf8.length; i++) {
            if (utf8[i] == '%') {
                bytes.write(Integer.parseInt(text(utf8, i + 1, 2), 16));
                i += 2;
            } else {
                bytes.write(utf8[i]);
            }
        }
        return ByteStrings.of(bytes.toByteArray());
    }

    private static String text(byte[] bytes, int offset, int length) {
        return new String(bytes, offset, length, StandardCharsets.US_ASCII);
    }
}
