package dev.rafter.registry.http;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.channels.ReadableByteChannel;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** An answer whose body is still to be read. Must be closed; for one thread. */
public interface HttpResponse extends AutoCloseable {
    int status();

    /** The address that gave this answer. */
    URI url();

    /** The last header of that name, in any case; null if there is none. */
    @Nullable
    String header(String name);

    /** All headers of that name, in any case. */
    List<String> headers(String name);

    /** The body as it comes in; fails if it ends before its announced length. Closing it closes the response. */
    ReadableByteChannel channel();

    /** The same body as a stream. */
    InputStream stream();

    /** The announced length of the body, -1 if there is none. */
    long contentLength();

    /** Makes a read that is under way on another thread fail; the response still has to be closed. Any thread may call it. */
    void cancel();

    /** Ends the exchange; if the body was not read to its end, by cancelling it. */
    @Override
    void close();

    /**
     * The rest of the body.
     *
     * @throws BodyTooBigException if it is longer than {@code limitBytes}
     */
    default byte[] bytes(int limitBytes) throws IOException {
        byte[] bytes = stream().readNBytes(limitBytes + 1);
        if (bytes.length > limitBytes) {
            throw new BodyTooBigException(limitBytes);
        }
        return bytes;
    }

    /** A body is longer than its reader allows. */
    final class BodyTooBigException extends IOException {
        private static final long serialVersionUID = 1;

        BodyTooBigException(int limitBytes) {
            super("the answer is longer than " + limitBytes + " bytes");
        }
    }
}
