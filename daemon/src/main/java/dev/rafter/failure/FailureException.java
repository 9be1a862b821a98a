package dev.rafter.failure;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** A failure whose message is complete for the person who reads it: what was tried, on what, and what to do. */
public final class FailureException extends IOException {
    private final FailureKind kind;

    public FailureException(FailureKind kind, String message) {
        this(kind, message, null);
    }

    public FailureException(FailureKind kind, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.kind = kind;
    }

    public FailureKind kind() {
        return kind;
    }
}
