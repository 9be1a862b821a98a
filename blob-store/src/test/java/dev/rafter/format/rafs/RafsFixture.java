package dev.rafter.format.rafs;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.rafter.codec.LayerDecompressor;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** A RAFS image among the fixtures: an OCI layout directory. */
record RafsFixture(String name, Path directory, JsonNode manifest) {
    private static final int TAR_BLOCK = 512;

    static Path shared() {
        Path shared = Path.of(System.getProperty("rafter.shared", "../../shared"), "fixtures");
        assumeTrue(Files.isDirectory(shared), "the fixtures are not there: " + shared);
        return shared;
    }

    static RafsFixture open(String name) throws IOException {
        return open(name, "fixture");
    }

    static RafsFixture open(String name, String tag) throws IOException {
        Path directory = shared().resolve(name);
        ObjectMapper json = new ObjectMapper();
        for (JsonNode entry :
                json.readTree(directory.resolve("index.json").toFile()).path("manifests")) {
            if (entry.at("/annotations/org.opencontainers.image.ref.name")
                    .asText()
                    .equals(tag)) {
                Path manifest = blob(directory, entry.path("digest").asText());
                return new RafsFixture(name, directory, json.readTree(manifest.toFile()));
            }
        }
        throw new IOException("no tag " + tag + " in " + directory);
    }

    Path blob(String id) {
        return blob(directory, "sha256:" + id);
    }

    private static Path blob(Path directory, String digest) {
        return directory.resolve("blobs").resolve(digest.replace(':', '/'));
    }

    /** The contents of {@code image/image.boot} in the last layer. */
    byte[] bootstrap() throws IOException {
        JsonNode layers = manifest.path("layers");
        Path layer =
                blob(directory, layers.get(layers.size() - 1).path("digest").asText());
        try (InputStream tar = LayerDecompressor.open(Files.newInputStream(layer))) {
            while (true) {
                byte[] header = tar.readNBytes(TAR_BLOCK);
                String entry = text(header, 0, 100);
                int size = Integer.parseInt(text(header, 124, 11).strip(), 8);
                byte[] contents = tar.readNBytes(size);
                tar.skipNBytes((TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK);
                if (entry.equals("image/image.boot")) {
                    return contents;
                }
            }
        }
    }

    private static String text(byte[] header, int offset, int length) {
        String padded = new String(header, offset, length, StandardCharsets.ISO_8859_1);
        int end = padded.indexOf('\0');
        return end < 0 ? padded : padded.substring(0, end);
    }

    static MemorySegment offHeap(byte[] bytes) {
        MemorySegment segment =
                Arena.ofAuto().allocate(Math.max(bytes.length, 1)).asSlice(0, bytes.length);
        MemorySegment.copy(bytes, 0, segment, ValueLayout.JAVA_BYTE, 0, bytes.length);
        return segment;
    }
}
