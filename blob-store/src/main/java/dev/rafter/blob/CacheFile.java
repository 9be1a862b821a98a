package dev.rafter.blob;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/**
 * Port: the one descriptor through which the decoded bytes of a blob are written and read. A cache file that the kernel guards must not
 * be touched through any descriptor opened after its guard was set: such an access would raise an event that we ourselves would have to
 * answer. So whoever opens cache files (an {@link Opener}) does it before the guard exists, or takes the descriptor from the store that
 * outlived the last daemon, and everything that a {@link BlobCache} does with its data goes through here. Thread safe.
 */
public interface CacheFile extends AutoCloseable {
    /**
     * Writes at an offset.
     *
     * @return bytes written, perhaps fewer than remain
     */
    int write(ByteBuffer source, long offset) throws IOException;

    /**
     * Reads from an offset.
     *
     * @return bytes read, perhaps fewer than asked; -1 at the end of the file
     */
    int read(ByteBuffer target, long offset) throws IOException;

    /** Size in bytes. */
    long sizeBytes() throws IOException;

    /** Makes the file longer, without writing: what is new is a hole. */
    void grow(long sizeBytes) throws IOException;

    /** Brings to stable storage what was written before the call (fdatasync). */
    void sync() throws IOException;

    @Override
    void close() throws IOException;

    /** Opens cache files. */
    interface Opener {
        /** Opens for reading and writing; creates an empty file if there is none. */
        CacheFile open(Path file) throws IOException;
    }
}
