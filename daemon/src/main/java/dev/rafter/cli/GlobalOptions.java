package dev.rafter.cli;

import dev.rafter.config.Config;
import dev.rafter.config.ConfigFile;
import dev.rafter.config.Overrides;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/** The options that every command takes, before or after its name. */
public final class GlobalOptions {
    @Option(
            names = "--root",
            scope = ScopeType.INHERIT,
            paramLabel = "DIR",
            description = "Where images and blobs are kept (/var/lib/rafter; RAFTER_ROOT).")
    private @Nullable Path root;

    @Option(
            names = "--run",
            scope = ScopeType.INHERIT,
            paramLabel = "DIR",
            description = "Where sockets and mount records are kept (/run/rafter; RAFTER_RUN).")
    private @Nullable Path run;

    @Option(
            names = "--config",
            scope = ScopeType.INHERIT,
            paramLabel = "FILE",
            description = "Configuration file (/etc/rafter/config.toml).")
    private @Nullable Path configFile;

    @Option(
            names = "--plain-http",
            scope = ScopeType.INHERIT,
            split = ",",
            paramLabel = "HOST[:PORT]",
            description = "Speak plain HTTP to this registry. Loopback addresses are, unless --ca is given.")
    private List<String> plainHttp = List.of();

    @Option(
            names = "--ca",
            scope = ScopeType.INHERIT,
            paramLabel = "FILE",
            description = "Trust the certificate authorities in this PEM file too, for registries.")
    private List<Path> caFiles = List.of();

    @Option(
            names = "--credentials",
            scope = ScopeType.INHERIT,
            paramLabel = "FILE",
            description = "Docker's config.json with the credentials of registries.")
    private @Nullable Path credentials;

    @Option(
            names = "--log-level",
            scope = ScopeType.INHERIT,
            paramLabel = "LEVEL",
            defaultValue = "info",
            description = "error, warn, info, debug or trace (${DEFAULT-VALUE}).")
    private LogLevel logLevel = LogLevel.info;

    @Option(names = "--debug", scope = ScopeType.INHERIT, description = "Show where in the program a failure happened.")
    private boolean debug;

    /** Names as they are typed. */
    public enum LogLevel {
        error,
        warn,
        info,
        debug,
        trace
    }

    /** The effective configuration: defaults, then the file, then the environment, then options. */
    public Config config() throws IOException {
        return ConfigFile.load(configFile, overrides());
    }

    /** The same as a documented file. */
    String printConfig() throws IOException {
        return ConfigFile.print(configFile, overrides());
    }

    public List<String> plainHttp() {
        return plainHttp;
    }

    /** Absolute paths. */
    public List<String> caFiles() {
        return caFiles.stream().map(file -> file.toAbsolutePath().toString()).toList();
    }

    /** Absolute path of docker's config.json, if the person or docker's environment names one. */
    public @Nullable String credentials() {
        if (credentials != null) {
            return credentials.toAbsolutePath().toString();
        }
        String docker = System.getenv("DOCKER_CONFIG");
        return docker == null
                ? null
                : Path.of(docker, "config.json").toAbsolutePath().toString();
    }

    /** The options that a daemon in the background is to have, but for its directories. */
    List<String> forDaemon() {
        List<String> options = new ArrayList<>(List.of("--log-level", logLevel.name()));
        if (configFile != null) {
            options.addAll(List.of("--config", configFile.toAbsolutePath().toString()));
        }
        return options;
    }

    private Overrides overrides() {
        return Overrides.fromEnvironment(System.getenv())
                .and(new Overrides(root, run, plainHttp, caFiles, credentials));
    }

    public LogLevel logLevel() {
        return logLevel;
    }

    public boolean debug() {
        return debug;
    }
}
