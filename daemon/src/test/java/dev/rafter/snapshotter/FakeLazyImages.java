package dev.rafter.snapshotter;

import dev.rafter.oci.Digest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Lazily served images that are plain folders, {@code FOLDER/MANIFEST_HEX}, with what was asked of it. */
final class FakeLazyImages implements LazyImages {
    private final Path folder;
    final List<String> calls = new ArrayList<>();
    final Set<Digest> held = new HashSet<>();
    final Set<Digest> lazyLayers = new HashSet<>();
    Plain plain = new Plain(Why.FORMAT, "is no RAFS image");

    @Nullable
    IOException failure;

    /** Short for the decision that everything but {@link #lazyLayers} gets. */
    record Plain(Why why, String explanation) {}

    FakeLazyImages(Path folder) {
        this.folder = folder;
    }

    Path folder() {
        return folder;
    }

    Path pathOf(Digest manifest) {
        return folder.resolve(manifest.hex());
    }

    @Override
    public synchronized Decision decide(ImageLayer layer, Map<String, String> labels) throws IOException {
        calls.add("decide " + layer.reference());
        if (failure != null) {
            throw failure;
        }
        return lazyLayers.contains(layer.layer())
                ? new Decision.Lazy(lazyLayers)
                : new Decision.Plain(plain.why(), plain.explanation());
    }

    @Override
    public synchronized Path mount(ImageLayer layer) throws IOException {
        calls.add("mount " + layer.reference());
        if (failure != null) {
            throw failure;
        }
        Path image = pathOf(layer.manifest());
        Files.createDirectories(image);
        Files.writeString(image.resolve("from"), layer.reference());
        return image;
    }

    @Override
    public synchronized Path data(ImageLayer layer) {
        return folder.resolve("data").resolve(layer.layer().hex());
    }

    @Override
    public synchronized void hold(ImageLayer layer) {
        held.add(layer.manifest());
    }

    @Override
    public synchronized void release(Supplier<Set<Digest>> needed) {
        held.retainAll(needed.get());
    }
}
