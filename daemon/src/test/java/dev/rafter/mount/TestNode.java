package dev.rafter.mount;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.rafter.api.ApiClient;
import dev.rafter.cli.CommandResult;
import dev.rafter.oci.Descriptor;
import dev.rafter.oci.Manifest;
import dev.rafter.registry.ImageReference;
import dev.rafter.registry.ImageSource;
import dev.rafter.registry.ImageTarget;
import dev.rafter.registry.Images;
import dev.rafter.registry.RegistryOptions;
import dev.rafter.registry.auth.CredentialSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** A node below a folder of its own: {@code --root}, {@code --run}, and the command line in this process. */
final class TestNode implements AutoCloseable {
    static final Path FIXTURES = Path.of(System.getProperty("rafter.shared"), "fixtures");

    private final Path folder;

    private TestNode(Path folder) {
        this.folder = folder;
    }

    /** A new one; skips the test where nothing can be mounted. */
    static TestNode create() throws IOException {
        assumeTrue(Files.isDirectory(FIXTURES), "needs the fixtures at " + FIXTURES);
        assumeTrue("root".equals(System.getProperty("user.name")), "needs root");
        return new TestNode(Files.createTempDirectory(Path.of("target").toAbsolutePath(), "node"));
    }

    Path folder() {
        return folder;
    }

    Path root() {
        return folder.resolve("root");
    }

    Path run() {
        return folder.resolve("run");
    }

    /** Writes the configuration that all later commands use. */
    void configure(String toml) throws IOException {
        Files.writeString(folder.resolve("config.toml"), toml);
    }

    CommandResult rafter(String... arguments) {
        List<String> all = new ArrayList<>(List.of(arguments));
        all.addAll(List.of("--root", root().toString(), "--run", run().toString()));
        Path config = folder.resolve("config.toml");
        if (Files.exists(config)) {
            all.addAll(List.of("--config", config.toString()));
        }
        return CommandResult.of(all.toArray(String[]::new));
    }

    /** Runs a command that has to succeed. */
    void must(String... arguments) {
        CommandResult result = rafter(arguments);
        assertEquals(0, result.exitCode(), () -> result + "\n" + log());
    }

    String metrics() throws IOException {
        return new ApiClient(run().resolve("rafter.sock")).metrics();
    }

    String log() {
        try {
            return Files.readString(run().resolve("daemon.log"));
        } catch (IOException e) {
            return e.toString();
        }
    }

    /** Pushes the image "fixture" of a fixture. */
    static void push(String fixture, String reference, CredentialSource credentials) throws IOException {
        try (Images images = new Images(RegistryOptions.DEFAULTS.withCredentials(credentials));
                ImageSource source =
                        images.open(ImageReference.parse("oci:" + FIXTURES.resolve(fixture) + ":fixture"));
                ImageTarget target = images.target(ImageReference.parse(reference))) {
            Descriptor descriptor = source.resolve();
            byte[] document = source.document(descriptor);
            Manifest manifest = Manifest.parse(document, "manifest of " + fixture);
            for (Descriptor blob : Stream.concat(manifest.layers().stream(), Stream.of(manifest.config()))
                    .toList()) {
                target.putBlob(blob, () -> source.blob(blob));
            }
            target.putManifest(descriptor.mediaType(), document, true);
        }
    }

    /** Stops the daemon, if there is one, and removes all of it. */
    @Override
    public void close() throws IOException {
        if (Files.exists(run().resolve("rafter.sock"))) {
            must("stop");
        }
        delete(folder);
    }

    static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted((a, b) -> b.compareTo(a)).toList()) {
                Files.delete(file);
            }
        }
    }
}
