package dev.rafter.fetch;

/**
 * Decides how much is fetched beyond what is asked for. A policy, pure but for its own memory: it does no I/O and starts nothing. One per
 * blob; called under the fetcher's lock.
 */
interface FetchPlanner {
    /**
     * A reader wants bytes that are missing.
     *
     * @param deviceOffset first missing byte that it wants
     * @param storedOffset where in the blob it is stored
     * @return what else to fetch
     */
    Around aroundDemand(long deviceOffset, long storedOffset);

    /**
     * A reader has come to a mark that {@link #fetched} set.
     *
     * @param deviceOffset the mark
     * @return what to fetch next, though nobody waits for it yet
     */
    Ahead atMark(long deviceOffset);

    /**
     * A fetch has been decided.
     *
     * @param deviceOffset its first byte in the device
     * @param deviceEnd its end in the device
     * @param beyondBytes what {@link #aroundDemand} or {@link #atMark} had allowed
     * @return device offset of a mark: the planner wants to know when a reader comes there; {@link #NO_MARK} for none
     */
    long fetched(long deviceOffset, long deviceEnd, int beyondBytes);

    /** No mark. */
    long NO_MARK = -1;

    /**
     * What to fetch with what a reader wants.
     *
     * @param gapBytes what is missing before it is fetched too if no more stored bytes than these lie between it and what was fetched
     * @param beyondBytes how many stored bytes to fetch beyond it, at most
     */
    record Around(int gapBytes, int beyondBytes) {}

    /**
     * What to fetch ahead of readers.
     *
     * @param deviceOffset where it begins
     * @param storedBytes how much, at most; 0 for nothing
     */
    record Ahead(long deviceOffset, int storedBytes) {
        static final Ahead NOTHING = new Ahead(0, 0);
    }
}
