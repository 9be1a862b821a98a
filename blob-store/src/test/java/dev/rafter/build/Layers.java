package dev.rafter.build;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.rafter.testkit.Fixtures;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Layers for tests. */
final class Layers {
    private Layers() {}

    /** A file or an array as a layer. */
    record Layer(String describe, Opener opener) implements LayerSource {
        interface Opener {
            InputStream open() throws IOException;
        }

        @Override
        public InputStream open() throws IOException {
            return opener.open();
        }
    }

    static LayerSource of(Path file) {
        return new Layer(file.getFileName().toString(), () -> Files.newInputStream(file));
    }

    static LayerSource of(String name, byte[] tar) {
        return new Layer(name, () -> new ByteArrayInputStream(tar));
    }

    /** The layers of the image "fixture" in an OCI layout among the fixtures. */
    static List<LayerSource> ofFixture(String name) throws IOException {
        Path directory = Fixtures.root().resolve(name);
        ObjectMapper json = new ObjectMapper();
        JsonNode index = json.readTree(directory.resolve("index.json").toFile());
        JsonNode manifest =
                json.readTree(blob(directory, index.path("manifests").path(0)).toFile());
        List<LayerSource> layers = new ArrayList<>();
        manifest.path("layers").forEach(layer -> layers.add(of(blob(directory, layer))));
        return layers;
    }

    private static Path blob(Path directory, JsonNode descriptor) {
        return directory
                .resolve("blobs")
                .resolve(descriptor.path("digest").asText().replace(':', '/'));
    }
}
