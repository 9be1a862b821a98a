package dev.rafter.config;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.StreamSupport;

/**
 * One key of the configuration file.
 *
 * @param table the table it stands in, "" for the top
 * @param name its name there
 * @param fallback its default
 * @param doc what it means, for people
 * @param parser from TOML; throws IllegalArgumentException with the reason
 * @param printer to TOML
 */
record Key<T>(
        String table, String name, T fallback, String doc, Function<JsonNode, T> parser, Function<T, String> printer) {
    private static final Pattern DURATION = Pattern.compile("([0-9]{1,9})(ms|s|m|h)");

    /** As "registry.max-requests". */
    String path() {
        return table.isEmpty() ? name : table + "." + name;
    }

    String print(T value) {
        return name + " = " + printer.apply(value);
    }

    static Key<Path> path(String table, String name, String fallback, String doc) {
        return new Key<>(table, name, Path.of(fallback), doc, Key::absolute, value -> quoted(value.toString()));
    }

    static Key<String> text(String table, String name, String fallback, String doc) {
        return new Key<>(table, name, fallback, doc, Key::text, Key::quoted);
    }

    static Key<Boolean> bool(String table, String name, boolean fallback, String doc) {
        return new Key<>(table, name, fallback, doc, Key::bool, String::valueOf);
    }

    static Key<Integer> integer(String table, String name, int fallback, int least, int most, String doc) {
        return new Key<>(table, name, fallback, doc, node -> integer(node, least, most), String::valueOf);
    }

    static Key<Duration> duration(
            String table, String name, Duration fallback, Duration least, Duration most, String doc) {
        return new Key<>(
                table, name, fallback, doc, node -> duration(node, least, most), value -> quoted(display(value)));
    }

    static Key<List<String>> texts(String table, String name, String doc) {
        return new Key<>(table, name, List.of(), doc, Key::texts, Key::array);
    }

    private static Path absolute(JsonNode node) {
        Path path = Path.of(text(node));
        if (!path.isAbsolute()) {
            throw new IllegalArgumentException("must be an absolute path, is \"" + path + "\"");
        }
        return path.normalize();
    }

    private static String text(JsonNode node) {
        if (!node.isTextual()) {
            throw new IllegalArgumentException("must be a string, is " + node);
        }
        return node.textValue();
    }

    private static boolean bool(JsonNode node) {
        if (!node.isBoolean()) {
            throw new IllegalArgumentException("must be true or false, is " + node);
        }
        return node.booleanValue();
    }

    private static int integer(JsonNode node, int least, int most) {
        if (!node.isIntegralNumber() || !node.canConvertToInt() || node.intValue() < least || node.intValue() > most) {
            throw new IllegalArgumentException("must be a whole number from " + least + " to " + most + ", is " + node);
        }
        return node.intValue();
    }

    private static Duration duration(JsonNode node, Duration least, Duration most) {
        Matcher matcher = DURATION.matcher(node.isTextual() ? node.textValue() : "");
        if (matcher.matches()) {
            long amount = Long.parseLong(matcher.group(1));
            Duration value = switch (matcher.group(2)) {
                case "ms" -> Duration.ofMillis(amount);
                case "s" -> Duration.ofSeconds(amount);
                case "m" -> Duration.ofMinutes(amount);
                default -> Duration.ofHours(amount);
            };
            if (value.compareTo(least) >= 0 && value.compareTo(most) <= 0) {
                return value;
            }
        }
        throw new IllegalArgumentException("must be a duration from " + display(least) + " to " + display(most)
                + ", as \"500ms\", \"30s\", \"2m\" or \"1h\", is " + node);
    }

    private static List<String> texts(JsonNode node) {
        if (!node.isArray()) {
            throw new IllegalArgumentException("must be an array of strings, is " + node);
        }
        return StreamSupport.stream(node.spliterator(), false).map(Key::text).toList();
    }

    private static String display(Duration value) {
        long millis = value.toMillis();
        if (millis % 1000 != 0) {
            return millis + "ms";
        }
        long seconds = millis / 1000;
        return seconds % 3600 == 0 && seconds > 0
                ? seconds / 3600 + "h"
                : seconds % 60 == 0 && seconds > 0 ? seconds / 60 + "m" : seconds + "s";
    }

    private static String array(List<String> values) {
        return "[" + String.join(", ", values.stream().map(Key::quoted).toList()) + "]";
    }

    private static String quoted(String value) {
        return '"' + value.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }
}
