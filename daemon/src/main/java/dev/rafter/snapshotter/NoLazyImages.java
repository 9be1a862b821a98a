package dev.rafter.snapshotter;

import dev.rafter.oci.Digest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/** Serves nothing lazily, for the reason given: for nodes that cannot, and tests. */
public record NoLazyImages(String explanation) implements LazyImages {
    @Override
    public Decision decide(ImageLayer layer, Map<String, String> labels) throws IOException {
        if (Labels.isRafs(labels)) {
            throw SnapshotException.precondition(
                    layer.reference() + " is a RAFS image, which can only be served lazily, but " + explanation);
        }
        return new Decision.Plain(Why.NODE, explanation);
    }

    @Override
    public Path mount(ImageLayer layer) throws IOException {
        throw SnapshotException.precondition(layer + " was served lazily before, but " + explanation);
    }

    @Override
    public Path data(ImageLayer layer) throws IOException {
        return mount(layer);
    }

    @Override
    public void hold(ImageLayer layer) throws IOException {
        mount(layer);
    }

    @Override
    public void release(Supplier<Set<Digest>> needed) {
        // it holds none
    }
}
