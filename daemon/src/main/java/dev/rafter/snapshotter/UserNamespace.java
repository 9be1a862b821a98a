package dev.rafter.snapshotter;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The user namespace of the container that a snapshot is for, as the labels uidmapping and gidmapping tell it. What the container writes is
 * stored with the host's ids; layers keep the image's, and containerd mounts them idmapped.
 */
record UserNamespace(IdMapping uids, IdMapping gids) {
    /** What containerd's client appends to the key of a layer in which it changes owners, and leaves out of the layer's name. */
    private static final String REMAP = "-remap";

    /**
     * The one that labels tell of, if any.
     *
     * @throws SnapshotException if they tell of one kind of id alone, or it has no root
     */
    static Optional<UserNamespace> of(Map<String, String> labels) throws SnapshotException {
        String uids = labels.get(Labels.UID_MAPPING);
        String gids = labels.get(Labels.GID_MAPPING);
        if (uids == null && gids == null) {
            return Optional.empty();
        }
        if (uids == null || gids == null) {
            throw SnapshotException.invalid("of the labels uidmapping and gidmapping there is "
                    + (uids == null ? "no uidmapping" : "no gidmapping") + ": a user namespace needs both");
        }
        UserNamespace namespace = new UserNamespace(IdMapping.parse(uids), IdMapping.parse(gids));
        var _ = namespace.root();
        return Optional.of(namespace);
    }

    /**
     * Whether committing so makes a layer whose owners containerd has changed for a user namespace, as it does without the capability
     * remap-ids. It gives the container on top of that layer the same labels as ever.
     */
    static boolean isRemapped(String key, String name) {
        return key.endsWith(REMAP) && withoutPlace(key).equals(withoutPlace(name) + REMAP);
    }

    /** Without the namespace and number that containerd puts before a client's key. */
    private static String withoutPlace(String name) {
        return name.substring(name.lastIndexOf('/') + 1);
    }

    /** Labels of a container whose layers need no mapping any more. */
    static Map<String, String> without(Map<String, String> labels) {
        Map<String, String> rest = new HashMap<>(labels);
        rest.remove(Labels.UID_MAPPING);
        rest.remove(Labels.GID_MAPPING);
        return rest;
    }

    /** The host's ids of the namespace's root. */
    SnapshotFolders.Owner root() throws SnapshotException {
        return new SnapshotFolders.Owner(uids.toHost(0), gids.toHost(0));
    }

    /** The host's ids of an owner in the image; root's in the place of one that is nobody in the namespace. */
    SnapshotFolders.Owner toHost(SnapshotFolders.Owner owner) throws SnapshotException {
        return new SnapshotFolders.Owner(
                uids.toHost(uids.maps(owner.uid()) ? owner.uid() : 0),
                gids.toHost(gids.maps(owner.gid()) ? owner.gid() : 0));
    }

    /** What tells containerd 2.0 and newer to mount idmapped; older ones know nothing of it. */
    List<String> mountOptions() {
        return List.of("uidmap=" + uids, "gidmap=" + gids);
    }
}
