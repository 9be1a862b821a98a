package dev.rafter.snapshotter;

import com.google.protobuf.Timestamp;
import dev.rafter.snapshotter.proto.Info;
import java.time.Instant;
import java.util.List;

/** Our values as protobuf messages. */
final class Wire {
    private Wire() {}

    static List<dev.rafter.snapshotter.proto.Mount> mounts(List<Mount> mounts) {
        return mounts.stream().map(Wire::mount).toList();
    }

    private static dev.rafter.snapshotter.proto.Mount mount(Mount mount) {
        return dev.rafter.snapshotter.proto.Mount.newBuilder()
                .setType(mount.type())
                .setSource(mount.source())
                .addAllOptions(mount.options())
                .build();
    }

    static Info info(SnapshotInfo info) {
        return Info.newBuilder()
                .setName(info.name())
                .setParent(info.parent())
                .setKind(kind(info.kind()))
                .setCreatedAt(timestamp(info.created()))
                .setUpdatedAt(timestamp(info.updated()))
                .putAllLabels(info.labels())
                .build();
    }

    static SnapshotInfo info(Info info) {
        return new SnapshotInfo(
                info.getName(),
                info.getParent(),
                kind(info.getKind()),
                instant(info.getCreatedAt()),
                instant(info.getUpdatedAt()),
                info.getLabelsMap());
    }

    private static Kind kind(dev.rafter.snapshotter.proto.Kind kind) {
        return switch (kind) {
            case VIEW -> Kind.VIEW;
            case ACTIVE -> Kind.ACTIVE;
            case COMMITTED, UNKNOWN, UNRECOGNIZED -> Kind.COMMITTED;
        };
    }

    private static Instant instant(Timestamp timestamp) {
        return Instant.ofEpochSecond(timestamp.getSeconds(), timestamp.getNanos());
    }

    private static dev.rafter.snapshotter.proto.Kind kind(Kind kind) {
        return switch (kind) {
            case VIEW -> dev.rafter.snapshotter.proto.Kind.VIEW;
            case ACTIVE -> dev.rafter.snapshotter.proto.Kind.ACTIVE;
            case COMMITTED -> dev.rafter.snapshotter.proto.Kind.COMMITTED;
        };
    }

    private static Timestamp timestamp(Instant instant) {
        return Timestamp.newBuilder()
                .setSeconds(instant.getEpochSecond())
                .setNanos(instant.getNano())
                .build();
    }
}
