package dev.rafter.config;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.toml.TomlMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Reads the configuration file strictly: what it does not know, it refuses. */
public final class ConfigFile {
    private static final Path DEFAULT_FILE = Path.of("/etc/rafter/config.toml");
    private static final long MAX_SIZE_BYTES = 1 << 20;

    private final String name;
    private final String text;
    private final Values values = new Values();

    private ConfigFile(String name, String text) {
        this.name = name;
        this.text = text;
    }

    /**
     * The effective configuration.
     *
     * @param file null: the default one, if it is there
     * @throws ConfigException if the file is wrong
     */
    public static Config load(@Nullable Path file, Overrides overrides) throws IOException {
        return values(file, overrides).config();
    }

    /** The effective configuration as a documented file. */
    public static String print(@Nullable Path file, Overrides overrides) throws IOException {
        Values values = values(file, overrides);
        StringBuilder printed = new StringBuilder();
        String table = "";
        for (Key<?> key : Keys.ALL) {
            if (!key.table().equals(table)) {
                table = key.table();
                printed.append("[").append(table).append("]\n");
            }
            printed.append("# ")
                    .append(key.doc())
                    .append('\n')
                    .append(values.print(key))
                    .append("\n\n");
        }
        return printed.toString().stripTrailing() + "\n";
    }

    /** Parses a file's text, for {@code name} in messages. */
    static Config parse(String name, String text) {
        return new ConfigFile(name, text).read().config();
    }

    private static Values values(@Nullable Path file, Overrides overrides) throws IOException {
        Values values = new Values();
        if (file != null || Files.exists(DEFAULT_FILE)) {
            Path path = file == null ? DEFAULT_FILE : file;
            values = new ConfigFile(path.toString(), content(path)).read();
        }
        overrides.apply(values);
        return values;
    }

    private static String content(Path file) throws IOException {
        if (Files.size(file) > MAX_SIZE_BYTES) {
            throw new ConfigException(file.toString(), 0, "is larger than " + MAX_SIZE_BYTES + " bytes");
        }
        return Files.readString(file);
    }

    private Values read() {
        JsonNode tree;
        try {
            tree = new TomlMapper().readTree(text);
        } catch (JsonProcessingException e) {
            int line = e.getLocation() == null ? 0 : e.getLocation().getLineNr();
            throw new ConfigException(name, line, "is not TOML: " + e.getOriginalMessage());
        }
        table("", tree);
        return values;
    }

    private void table(String table, JsonNode tree) {
        for (Map.Entry<String, JsonNode> entry : tree.properties()) {
            Optional<Key<?>> key = key(table, entry.getKey());
            if (key.isPresent()) {
                value(key.get(), entry.getValue());
            } else if (table.isEmpty() && entry.getValue().isObject() && isTable(entry.getKey())) {
                table(entry.getKey(), entry.getValue());
            } else {
                throw unknown(table, entry.getKey());
            }
        }
    }

    private void value(Key<?> key, JsonNode node) {
        try {
            values.parse(key, node);
        } catch (IllegalArgumentException e) {
            throw new ConfigException(name, line(key.table(), key.name()), key.path() + " " + e.getMessage());
        }
    }

    private ConfigException unknown(String table, String key) {
        List<String> known = Keys.ALL.stream()
                .filter(k -> k.table().equals(table))
                .map(Key::name)
                .toList();
        String where = table.isEmpty() ? "" : " in [" + table + "]";
        return new ConfigException(
                name,
                line(table, key),
                "unknown key \"" + key + "\"" + where + "; there are " + String.join(", ", known));
    }

    private static Optional<Key<?>> key(String table, String name) {
        return Keys.ALL.stream()
                .filter(key -> key.table().equals(table) && key.name().equals(name))
                .findFirst();
    }

    private static boolean isTable(String name) {
        return Keys.ALL.stream().anyMatch(key -> key.table().equals(name));
    }

    /** Where a key or table is written: the parser does not tell, so the text is searched; 0 if it is written in an odd way. */
    private int line(String table, String key) {
        String current = "";
        int number = 0;
        for (String raw : text.lines().toList()) {
            number++;
            String line = raw.strip().toLowerCase(Locale.ROOT);
            if (line.startsWith("[") && line.indexOf(']') > 0) {
                current = bare(line.substring(1, line.indexOf(']')));
                if (table.isEmpty() && current.equals(key)) {
                    return number;
                }
            } else if (line.contains("=") && names(current, bare(line.substring(0, line.indexOf('='))), table, key)) {
                return number;
            }
        }
        return 0;
    }

    private static boolean names(String current, String written, String table, String key) {
        String full = current.isEmpty() ? written : current + "." + written;
        String wanted = (table.isEmpty() ? key : table + "." + key).toLowerCase(Locale.ROOT);
        return full.equals(wanted) || full.startsWith(wanted + ".");
    }

    private static String bare(String text) {
        return text.replace("\"", "").replace("'", "").replace(" ", "");
    }
}
