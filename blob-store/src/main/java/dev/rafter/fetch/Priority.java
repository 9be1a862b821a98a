package dev.rafter.fetch;

/** Who waits for a fetch. */
enum Priority {
    /** A reader waits. */
    DEMAND,
    /** Nobody waits yet. */
    PREFETCH
}
