package dev.rafter.config;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What the environment and the command line say instead of, or in addition to, the file; null and empty: nothing. */
public record Overrides(
        @Nullable Path root,
        @Nullable Path run,
        List<String> plainHttp,
        List<Path> caFiles,
        @Nullable Path credentials) {

    /** {@code RAFTER_ROOT} and {@code RAFTER_RUN}. */
    public static Overrides fromEnvironment(Map<String, String> environment) {
        return new Overrides(
                path(environment.get("RAFTER_ROOT")), path(environment.get("RAFTER_RUN")), List.of(), List.of(), null);
    }

    /** These, with the options of a command line before them. */
    public Overrides and(Overrides options) {
        return new Overrides(
                options.root == null ? root : options.root,
                options.run == null ? run : options.run,
                options.plainHttp,
                options.caFiles,
                options.credentials);
    }

    private static @Nullable Path path(@Nullable String value) {
        return value == null || value.isEmpty() ? null : Path.of(value);
    }

    void apply(Values values) {
        if (root != null) {
            values.set(Keys.ROOT, root.toAbsolutePath().normalize());
        }
        if (run != null) {
            values.set(Keys.RUN, run.toAbsolutePath().normalize());
        }
        if (credentials != null) {
            values.set(Keys.CREDENTIALS, credentials.toAbsolutePath().toString());
        }
        values.add(Keys.PLAIN_HTTP, plainHttp);
        values.add(
                Keys.CA_FILES,
                caFiles.stream().map(file -> file.toAbsolutePath().toString()).toList());
    }
}
