package dev.rafter.snapshotter;

/**
 * The moments between which a crash has to be survivable: told after each change on disk. Does nothing in production; a test ends the
 * world at each step in turn.
 */
@FunctionalInterface
interface Steps {
    Steps NONE = step -> {};

    void after(String step);
}
