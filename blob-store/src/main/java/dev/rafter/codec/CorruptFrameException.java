package dev.rafter.codec;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** Compressed bytes are broken, or do not decode to the size that was announced. */
public final class CorruptFrameException extends IOException {
    public CorruptFrameException(String problem) {
        this(problem, null);
    }

    public CorruptFrameException(String problem, @Nullable Throwable cause) {
        super(problem, cause);
    }

    static CorruptFrameException wrongSize(String codec, long decoded, long expected) {
        return new CorruptFrameException(
                codec + " frame decodes to " + decoded + " bytes, not to the " + expected + " announced");
    }
}
