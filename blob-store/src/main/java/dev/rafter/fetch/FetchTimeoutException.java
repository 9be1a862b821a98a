package dev.rafter.fetch;

import java.io.IOException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** A demand was not filled by its deadline; the cause is the last failure, if there was one. */
public final class FetchTimeoutException extends IOException {
    private final long deviceOffset;

    FetchTimeoutException(String source, long deviceOffset, Duration timeout, @Nullable Throwable cause) {
        super(
                "device offset " + deviceOffset + " was not filled from " + source + " within " + timeout.toMillis()
                        + " ms" + (cause == null ? "" : ": " + cause.getMessage()),
                cause);
        this.deviceOffset = deviceOffset;
    }

    /** Where the first chunk that is missing begins. */
    public long deviceOffset() {
        return deviceOffset;
    }
}
