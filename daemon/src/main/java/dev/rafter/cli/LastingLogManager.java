package dev.rafter.cli;

import java.util.logging.LogManager;

/**
 * Goes on logging while the JVM ends: a daemon that got SIGTERM serves until nothing is mounted any more, and what it says meanwhile counts.
 * The JDK's own takes all handlers away as soon as the signal comes. It is named by a property, before anybody logs.
 */
public final class LastingLogManager extends LogManager {
    /** Leaves everything as it is. */
    @Override
    public void reset() {}
}
