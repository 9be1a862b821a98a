package dev.rafter.snapshotter;

import java.time.Instant;
import java.util.Map;

/**
 * What clients see of a snapshot.
 *
 * @param parent name of the committed snapshot below, or ""
 * @param labels the client's own, and on an image layer {@link Labels#SERVED}
 */
public record SnapshotInfo(
        String name, String parent, Kind kind, Instant created, Instant updated, Map<String, String> labels) {
    public SnapshotInfo {
        labels = Map.copyOf(labels);
    }

    static SnapshotInfo of(Snapshot snapshot) {
        return new SnapshotInfo(
                snapshot.name(),
                snapshot.parent(),
                snapshot.kind(),
                snapshot.created(),
                snapshot.updated(),
                snapshot.visibleLabels());
    }
}
