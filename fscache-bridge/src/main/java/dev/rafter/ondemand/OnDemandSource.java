package dev.rafter.ondemand;

import java.io.IOException;

/** Port: whoever can fill one device. Implemented by the cache of a blob; thread safe. */
public interface OnDemandSource {
    /** For messages: which blob this is. */
    String describe();

    /**
     * Whether every byte of the range is in the cache file. Called on the event thread: no allocation, no lock that a fetch holds, no
     * waiting. A range that holds no data for any file (padding) counts as ready.
     */
    boolean isReady(long offset, long lengthBytes);

    /**
     * Fills the range: returns when every byte of it is verified and in the cache file.
     *
     * @throws IOException when that cannot be done by the demand deadline; the reader gets EIO
     */
    void fill(long offset, long lengthBytes) throws IOException;
}
