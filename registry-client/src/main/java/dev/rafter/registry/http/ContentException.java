package dev.rafter.registry.http;

import java.io.IOException;

/** The bytes to be sent could not be read, or are not as many as was said: nothing that another attempt could mend. */
public final class ContentException extends IOException {
    private static final long serialVersionUID = 1;

    public ContentException(String message) {
        super(message);
    }

    public ContentException(String message, IOException cause) {
        super(message, cause);
    }
}
