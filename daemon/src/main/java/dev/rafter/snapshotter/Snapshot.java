package dev.rafter.snapshotter;

import java.time.Instant;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * One snapshot as it stands in the state store. Immutable: a change makes another one.
 *
 * @param id names its folder; never reused while that exists
 * @param name the key of an active snapshot or a view, the name of a committed one; carries no meaning
 * @param parent the name of the committed snapshot below, or ""
 * @param labels as the client gave them
 * @param usage of a committed snapshot; null until it has been counted
 * @param origin set for image layers
 */
record Snapshot(
        long id,
        String name,
        String parent,
        Kind kind,
        Instant created,
        Instant updated,
        Map<String, String> labels,
        @Nullable Usage usage,
        @Nullable Origin origin) {

    Snapshot {
        labels = Map.copyOf(labels);
    }

    boolean isLazy() {
        return origin != null && origin.lazy();
    }

    /** The image layer that a lazy snapshot is. */
    ImageLayer lazyLayer() {
        if (origin == null || origin.layer() == null || !origin.lazy()) {
            throw new IllegalStateException("snapshot " + name + " is not lazy");
        }
        return origin.layer();
    }

    /** What clients see: their labels, and ours. */
    Map<String, String> visibleLabels() {
        if (origin == null) {
            return labels;
        }
        Map<String, String> all = new TreeMap<>(labels);
        all.put(Labels.SERVED, origin.label());
        return all;
    }

    Snapshot withLabels(Map<String, String> changed, Instant now) {
        return new Snapshot(id, name, parent, kind, created, now, changed, usage, origin);
    }

    Snapshot withUsage(Usage counted) {
        return new Snapshot(id, name, parent, kind, created, updated, labels, counted, origin);
    }

    /** The committed snapshot that an active one becomes; its labels are replaced, not inherited. */
    Snapshot committed(String as, String onto, Map<String, String> newLabels, Instant now) {
        Map<String, String> all = new TreeMap<>(newLabels);
        if (UserNamespace.isRemapped(name, as)) {
            all.put(Labels.REMAPPED, "by containerd");
        }
        return new Snapshot(id, as, onto, Kind.COMMITTED, now, now, all, null, origin);
    }
}
