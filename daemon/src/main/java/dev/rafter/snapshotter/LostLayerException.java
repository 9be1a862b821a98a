package dev.rafter.snapshotter;

import org.jspecify.annotations.Nullable;

/** An image layer that containerd believes in, and that has gone from here: with our state, or its files alone. */
final class LostLayerException extends SnapshotException {
    private final String name;

    LostLayerException(String name, String reason, @Nullable Throwable cause) {
        super(
                Code.FAILED_PRECONDITION,
                "image layer " + name
                        + " is not here any more, though containerd believes in it: this node's snapshots were"
                        + " lost, and it could not be made again: " + reason
                        + ". If that does not pass by itself, remove the image and pull it again",
                cause);
        this.name = name;
    }

    /** The lost snapshot's name. */
    String name() {
        return name;
    }
}
