package dev.rafter.ondemand;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;

/**
 * How reads of the kernel reach us: fanotify, cachefiles or FUSE. A transport first guards the cache file of each device, then the
 * filesystem is mounted over them; from then on no hole is read before its {@link OnDemandSource} has filled it. When a blob is
 * complete its guard is released and the kernel serves the file alone. A guard of a file with holes that is or may be mounted must
 * not be closed: the kernel would serve the holes as zeros.
 */
public interface Transport extends AutoCloseable {
    /**
     * Guards a cache file that no filesystem has opened yet.
     *
     * @param name identifies the guard for as long as it lives, over restarts of the daemon too: at most 128 characters of
     *     {@code [a-z0-9.-]}
     */
    Guard guard(String name, Path cacheFile, OnDemandSource source) throws IOException;

    /**
     * Takes over the guard that the process before this one had under a name; readers that wait for it are answered. Empty if there is
     * none: a file with holes that is mounted is not guarded then.
     */
    Optional<Guard> adopt(String name, OnDemandSource source) throws IOException;

    /** Names of the guards of the process before this one that were not taken over yet. */
    Set<String> left();

    /** Returns when all guards are where they outlive this process, if there is such a place: before anything is mounted. */
    void settle() throws IOException;

    @Override
    void close();

    /** A guarded cache file. */
    interface Guard extends AutoCloseable {
        /** Lets go of a complete file: reads are the kernel's alone from now on. */
        void release();

        /** Ends the guard of a file that is mounted no more. */
        @Override
        void close();
    }
}
