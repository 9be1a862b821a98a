package dev.rafter.registry.http;

import java.io.IOException;
import java.io.InputStream;

/**
 * The body of a request, which can be opened again for each attempt.
 *
 * @param contentType its media type
 * @param lengthBytes exactly what {@code content} gives
 */
public record HttpBody(String contentType, long lengthBytes, Content content) {
    /** Bytes that can be opened more than once. */
    public interface Content {
        InputStream open() throws IOException;
    }
}
