package dev.rafter.deploy.bench;

import dev.rafter.registry.embedded.Link;
import java.io.IOException;

/**
 * One way to start a container from an image that is not there yet. To add a system: implement this, and name it in {@link ColdBench}.
 * For each sample, {@link #reset} is called, then the caches are dropped, then {@link #start} is timed.
 */
interface Comparator extends AutoCloseable {
    /** For tables: "overlayfs". */
    String name();

    /** Ends what ran, wipes all state, and starts what is running on a node before any image is asked for. */
    void reset(Link link) throws IOException, InterruptedException;

    /**
     * Pulls the image through the link and runs it until it is ready.
     *
     * @return when it was ready, on the clock of {@link System#nanoTime()}
     */
    Ready start(BenchImage image, Link link) throws IOException, InterruptedException;

    @Override
    void close() throws IOException;

    /** The moment of readiness, and what the link had carried by then. */
    record Ready(long nanoTime, long bytes, long requests) {
        static Ready now(Link link) {
            return new Ready(
                    System.nanoTime(), link.counts().bytes(), link.counts().requests());
        }
    }
}
