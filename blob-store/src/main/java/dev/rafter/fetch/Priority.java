package dev.rafter.fetch;

/** How urgent a request is; earlier ones go first. */
enum Priority {
    /** Somebody waits for it. */
    DEMAND,
    /** Somebody will soon want it, it seems. */
    PREFETCH,
    /** It completes the blob; nobody may ever want it. */
    FILL
}
