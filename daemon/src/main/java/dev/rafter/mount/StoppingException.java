package dev.rafter.mount;

import java.io.IOException;

/** Nothing is mounted, since the daemon is being stopped. */
public final class StoppingException extends IOException {
    private static final long serialVersionUID = 1L;

    StoppingException() {
        super("the daemon is being stopped and mounts nothing: try again when it, or the next one, serves");
    }
}
