package dev.rafter.config;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A value for each key: the default until another is set. */
final class Values {
    private final Map<Key<?>, Object> set = new LinkedHashMap<>();

    @SuppressWarnings("unchecked") // set() and parse() put what the key's type allows
    <T> T get(Key<T> key) {
        Object value = set.get(key);
        return value == null ? key.fallback() : (T) value;
    }

    <T> void set(Key<T> key, T value) {
        set.put(key, value);
    }

    void add(Key<List<String>> key, List<String> more) {
        List<String> all = new ArrayList<>(get(key));
        all.addAll(more);
        set(key, all);
    }

    <T> void parse(Key<T> key, JsonNode node) {
        set(key, key.parser().apply(node));
    }

    <T> String print(Key<T> key) {
        return key.print(get(key));
    }

    Config config() {
        Path run = get(Keys.RUN);
        return new Config(
                get(Keys.ROOT),
                run,
                get(Keys.DEMAND_TIMEOUT),
                get(Keys.BACKGROUND_FILL),
                new Config.Registry(
                        get(Keys.PLAIN_HTTP),
                        get(Keys.CA_FILES).stream().map(Path::of).toList(),
                        Optional.ofNullable(path(get(Keys.CREDENTIALS))),
                        Optional.ofNullable(path(get(Keys.CERTS_DIRECTORY))),
                        get(Keys.MAX_REQUESTS)),
                new Config.Snapshotter(
                        get(Keys.SNAPSHOTTER),
                        Optional.ofNullable(path(get(Keys.SNAPSHOTTER_SOCKET))).orElse(run.resolve("snapshotter.sock")),
                        get(Keys.SNAPSHOTTER_CONTAINERD)));
    }

    private static @Nullable Path path(String text) {
        return text.isEmpty() ? null : Path.of(text);
    }
}
