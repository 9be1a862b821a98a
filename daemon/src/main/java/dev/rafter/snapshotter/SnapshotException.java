package dev.rafter.snapshotter;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** A request that the snapshotter's contract refuses, in the terms that containerd acts on. */
public sealed class SnapshotException extends IOException permits LostLayerException {
    /** containerd's error classes; it tells no others apart. */
    public enum Code {
        NOT_FOUND,
        ALREADY_EXISTS,
        INVALID_ARGUMENT,
        FAILED_PRECONDITION,
        UNAVAILABLE
    }

    private final Code code;

    public SnapshotException(Code code, String message) {
        this(code, message, null);
    }

    public SnapshotException(Code code, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.code = code;
    }

    public Code code() {
        return code;
    }

    static SnapshotException notFound(String name) {
        return new SnapshotException(Code.NOT_FOUND, "snapshot " + name + ": not found");
    }

    static SnapshotException alreadyExists(String name) {
        return new SnapshotException(Code.ALREADY_EXISTS, "snapshot " + name + ": already exists");
    }

    static SnapshotException invalid(String message) {
        return new SnapshotException(Code.INVALID_ARGUMENT, message);
    }

    static SnapshotException precondition(String message) {
        return new SnapshotException(Code.FAILED_PRECONDITION, message);
    }
}
