package dev.rafter.mount;

import java.io.IOException;

/** A mount that a daemon left behind has holes, and its guard ended with that daemon. */
final class GuardLostException extends IOException {
    private static final long serialVersionUID = 1L;

    GuardLostException(String blob) {
        super(blob + " has holes and its guard ended with the last daemon: they read as zeros");
    }
}
