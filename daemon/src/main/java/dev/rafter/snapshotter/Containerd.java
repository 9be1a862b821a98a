package dev.rafter.snapshotter;

import dev.rafter.oci.Digest;
import java.io.Closeable;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/** What we ask containerd, in one of its namespaces, to make a layer again that it believes in and that we lost. */
interface Containerd extends Closeable {
    /** How one is reached. */
    @FunctionalInterface
    interface Connector {
        /** None is reached: for nodes that do not say where it is, and tests. */
        Connector NONE = (namespace, snapshotter) -> {
            throw new IOException("it is not configured where containerd is reached");
        };

        /**
         * Connects.
         *
         * @param snapshotter the name under which containerd knows us
         */
        Containerd connect(String namespace, String snapshotter) throws IOException;
    }

    /**
     * containerd's record of a committed snapshot: its own labels and parent, with what we answer when it asks us for the same.
     *
     * @param chainId its name there
     * @return empty if containerd has none
     */
    Optional<SnapshotInfo> stat(String chainId) throws IOException;

    /**
     * Has containerd unpack a layer's blob, which it has kept, into a snapshot of ours.
     *
     * @return the layer's diff ID: the digest of what was unpacked
     * @throws IOException if it cannot, most of all since it has not kept the blob
     */
    Digest apply(Digest blob, List<Mount> mounts) throws IOException;
}
