package dev.rafter.registry.http;

import java.io.IOException;

/**
 * Sends a request and gives the answer, whatever its status. Implementations wrap each other, one responsibility each: retries around
 * credentials around the engine. Thread safe; blocks, so call it from virtual threads.
 */
public interface HttpClient {
    /**
     * @throws IOException if no answer came: the connection, TLS, or the deadline
     */
    HttpResponse send(HttpRequest request) throws IOException;
}
