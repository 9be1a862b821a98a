package dev.rafter.fdstore;

import dev.rafter.linux.Fd;
import java.io.IOException;
import java.util.Optional;
import java.util.Set;

/**
 * Holds duplicates of descriptors in another process, by name, so that they live on when this one dies. Names are at most 200 characters
 * of {@code [a-z0-9.-]}. Thread safe.
 */
public interface FdStore {
    /** How the names of fanotify groups begin: if no process can be started that answers their events, the keeper itself denies them. */
    String GROUP = "group.";

    /** The name of the folder where each group has a file of those who wait ({@link dev.rafter.linux.EventSlots}), named as the group is. */
    String INFLIGHT = "inflight";

    /** What the process before this one left here under a name, once: whoever takes it owns it. It stays kept until it is forgotten. */
    Optional<Fd> take(String name);

    /** Names of what the process before this one left here, and nobody has taken yet. */
    Set<String> left();

    /** Whether something is kept under a name: of this process, or still of one before it. */
    boolean keeps(String name);

    /**
     * Gives a duplicate into keeping; one that was kept under the same name is let go of.
     *
     * @throws IOException if the store does not answer, or has no room
     */
    void keep(String name, Fd fd) throws IOException;

    /** Lets go of what is kept under a name. A store that does not answer keeps it, and that is logged. */
    void forget(String name);

    /**
     * Returns when everything that was given before is kept.
     *
     * @throws IOException if the store does not say so in time
     */
    void settle() throws IOException;

    /** Says that this process serves: from now on it is started again when it dies. */
    void ready() throws IOException;

    /** Whether there is another process that keeps anything. */
    boolean outlivesThisProcess();

    /** Keeps nothing: for programs that guard no mount for longer than they run. */
    static FdStore none() {
        return new NoFdStore();
    }
}
