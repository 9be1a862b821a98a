package dev.rafter.fetch;

import java.io.IOException;
import java.nio.channels.ReadableByteChannel;
import java.time.Duration;

/** Port: where the stored bytes of one blob are read from. Implemented over registries, layout directories and files; thread safe. */
public interface BlobSource {
    /** For messages: where this is, without credentials, as "registry.example/app@sha256:…". */
    String describe();

    /** Which host answers: how many requests run at once is limited for each. */
    String host();

    /**
     * Opens a range of the stored bytes. The channel gives exactly {@code lengthBytes} bytes and then -1; a source that ends early
     * resumes by itself, or fails. Closing it early cancels the request.
     *
     * @param offset first byte
     * @param lengthBytes at least 1
     * @param timeout for the whole of it, retries and reading included; reads after that fail
     * @throws IOException with what was tried and why it failed
     */
    ReadableByteChannel open(long offset, long lengthBytes, Duration timeout) throws IOException;
}
