package dev.rafter.build;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.format.CorruptImageException;
import dev.rafter.testkit.Bounded;
import dev.rafter.testkit.Fixtures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Spoiled layers, one fault each: refused within a second and 64 MB, or, where unpacking them is harmless, landed in the root. */
@Timeout(30)
class MalformedLayersTest {
    /** What careful readers take, and the paths that come of it. */
    private static final Map<String, List<String>> HARMLESS = Map.of(
            "layer-no-end", List.of("/", "/ok"),
            "layer-path-absolute", List.of("/", "/etc", "/etc/x", "/ok"),
            "layer-path-dotdot", List.of("/", "/gravel", "/ok"),
            "layer-through-symlink", List.of("/", "/d", "/etc", "/etc/x", "/ok"));

    static Stream<Path> spoiled() {
        return Fixtures.list("malformed", "layer-*").stream().filter(file -> !HARMLESS.containsKey(name(file)));
    }

    static Stream<Path> harmless() {
        return Fixtures.list("malformed", "layer-*").stream().filter(file -> HARMLESS.containsKey(name(file)));
    }

    private static String name(Path file) {
        return file.getFileName().toString().replace(".tar.gz", "");
    }

    @ParameterizedTest
    @MethodSource("spoiled")
    void spoiledLayerIsRefused(Path file) throws IOException {
        LayerSource layer = Layers.of(name(file), Files.readAllBytes(file));
        CorruptImageException refused = Bounded.run(
                () -> assertThrows(CorruptImageException.class, () -> SourceTree.read(List.of(layer)), name(file)));
        String message = String.valueOf(refused.getMessage());
        assertTrue(
                message.startsWith(name(file) + ": ")
                        && message.length() > name(file).length() + 10,
                message);
        assertTrue(refused.offset() >= 0, message);
    }

    @ParameterizedTest
    @MethodSource("harmless")
    void harmlessLayerLandsInTheRoot(Path file) throws IOException {
        SourceTree tree = SourceTree.read(List.of(Layers.of(name(file), Files.readAllBytes(file))));
        assertEquals(
                HARMLESS.get(name(file)),
                List.copyOf(SourceTreeValue.of(tree).files().keySet()));
    }
}
