package dev.rafter.api;

/**
 * The daemon itself.
 *
 * @param transport how reads of the kernel reach it
 * @param survives whether mounts outlive the daemon: whether an fd store holds their descriptors
 */
public record StatusView(
        String version,
        long pid,
        String root,
        String run,
        String transport,
        boolean survives,
        int mounts,
        long upSeconds) {}
