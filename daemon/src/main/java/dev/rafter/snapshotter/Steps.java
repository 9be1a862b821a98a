package dev.rafter.snapshotter;

import java.io.IOException;

/**
 * The moments between which a crash has to be survivable: told after each change on disk. Does nothing in production; a test ends the
 * world at each step in turn, or has the disk fail there.
 */
@FunctionalInterface
interface Steps {
    Steps NONE = step -> {};

    void after(String step) throws IOException;
}
