package dev.rafter.registry.embedded;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;

/** Writes answers; those to HEAD have headers alone. */
final class Answers {
    /** What {@link HttpExchange#sendResponseHeaders} takes for "no body". */
    private static final long NO_BODY = -1;

    private Answers() {}

    static void json(HttpExchange exchange, int status, String contentType, byte[] body) throws IOException {
        exchange.getResponseHeaders().set("Content-Type", contentType);
        if (head(exchange, status, body.length)) {
            exchange.getResponseBody().write(body);
        }
    }

    static void empty(HttpExchange exchange, int status) throws IOException {
        exchange.sendResponseHeaders(status, NO_BODY);
    }

    /** Sends the headers; true if a body of that length has to follow. */
    static boolean head(HttpExchange exchange, int status, long length) throws IOException {
        if (exchange.getRequestMethod().equals("HEAD")) {
            exchange.getResponseHeaders().set("Content-Length", String.valueOf(length));
            exchange.sendResponseHeaders(status, NO_BODY);
            return false;
        }
        exchange.sendResponseHeaders(status, length == 0 ? NO_BODY : length);
        return length > 0;
    }
}
