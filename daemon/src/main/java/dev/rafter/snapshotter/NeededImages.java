package dev.rafter.snapshotter;

import dev.rafter.oci.Digest;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Which images are needed: those that are being pulled, and those of which a snapshot is the topmost lazy layer. That is the image's last
 * layer, the only one that is ever mounted, or as far as its pull has come. What is below belongs to each image that has the same layers,
 * though its origin is only the one that was pulled first: it keeps no image. Thread safe.
 */
final class NeededImages {
    private final StateStore store;
    private final ImageDecisions decisions;

    NeededImages(StateStore store, ImageDecisions decisions) {
        this.store = store;
        this.decisions = decisions;
    }

    Set<Digest> all() {
        Set<Digest> needed = decisions.pulling();
        needed.addAll(ofSnapshots());
        return needed;
    }

    /** A layer of an image was removed: if no snapshot needs the image any more, its pull is over too. */
    void removed(Digest manifest) {
        if (!ofSnapshots().contains(manifest)) {
            decisions.forget(manifest);
        }
    }

    private Set<Digest> ofSnapshots() {
        List<Snapshot> lazy = store.all().stream().filter(Snapshot::isLazy).toList();
        Set<String> below = lazy.stream().map(Snapshot::parent).collect(Collectors.toSet());
        Set<Digest> needed = new HashSet<>();
        for (Snapshot layer : lazy) {
            if (!below.contains(layer.name())) {
                needed.add(layer.lazyLayer().manifest());
            }
        }
        return needed;
    }
}
