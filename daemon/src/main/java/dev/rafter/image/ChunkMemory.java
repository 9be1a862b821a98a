package dev.rafter.image;

import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Room in the heap for what is kept of an image's chunks. It grows with their number, and a heap that overflows would take all mounts of
 * the node with it: so an image that does not fit is refused before it is read. What one is being opened with is promised to it, and to nobody else, until
 * it is there. Thread safe.
 */
final class ChunkMemory {
    /** At the most, while an image is opened: its table in order, its chunk map, that on disk, and the union of the two. */
    private static final long BYTES_PER_CHUNK = 8 + 3 * 72;
    /** Images up to this many chunks, 8 GB of the usual size, are opened as they come: 7 MB. */
    private static final int FEW = 32 << 10;
    /** What the rest of the daemon needs. */
    private static final long RESERVED_BYTES = 24 << 20;

    /** Bytes of images that are being opened. */
    private static final AtomicLong promised = new AtomicLong();

    private ChunkMemory() {}

    /** Opens an image. */
    interface Opening<T> {
        T open() throws IOException;
    }

    /**
     * Opens an image if its chunks fit.
     *
     * @param image for the error
     */
    static <T> T with(int chunks, String image, Opening<T> opening) throws IOException {
        return chunks <= FEW ? opening.open() : withMany(chunks, image, opening);
    }

    private static <T> T withMany(int chunks, String image, Opening<T> opening) throws IOException {
        long needed = chunks * BYTES_PER_CHUNK;
        promise(needed, chunks, image);
        try {
            return opening.open();
        } finally {
            promised.addAndGet(-needed);
        }
    }

    private static void promise(long needed, int chunks, String image) throws FailureException {
        synchronized (promised) {
            long free = free() - promised.get() - RESERVED_BYTES;
            if (free < needed) {
                throw tooMany(chunks, Math.max(0, free) / BYTES_PER_CHUNK, image);
            }
            promised.addAndGet(needed);
        }
    }

    /** Garbage counts as used: that is little, since the heap grows only when a collection has left it full. */
    private static long free() {
        Runtime runtime = Runtime.getRuntime();
        return runtime.maxMemory() - runtime.totalMemory() + runtime.freeMemory();
    }

    private static FailureException tooMany(int chunks, long most, String image) {
        return new FailureException(
                FailureKind.NODE,
                image + " has " + chunks + " chunks, and there is memory left for " + most
                        + ": convert it again with larger chunks (--chunk-size), or give the daemon a larger heap"
                        + " (RAFTER_JAVA_OPTIONS=-Xmx..., now "
                        + (Runtime.getRuntime().maxMemory() >> 20) + " MiB)");
    }
}
