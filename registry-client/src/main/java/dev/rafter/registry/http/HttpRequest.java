package dev.rafter.registry.http;

import java.net.URI;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * One request. Immutable.
 *
 * @param headers names in any case
 * @param body null for none
 * @param deadline for the whole exchange, the body of the answer included
 * @param bulk whether it counts among those of which only so many run at a time with one host
 */
public record HttpRequest(
        String method,
        URI url,
        Map<String, String> headers,
        @Nullable HttpBody body,
        Deadline deadline,
        boolean bulk) {
    public HttpRequest {
        Map<String, String> copy = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        copy.putAll(headers);
        headers = Collections.unmodifiableMap(copy);
    }

    /** A small request without headers and body. */
    public HttpRequest(String method, URI url, Deadline deadline) {
        this(method, url, Map.of(), null, deadline, false);
    }

    /** This request with a header set. */
    public HttpRequest with(String name, String value) {
        Map<String, String> changed = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        changed.putAll(headers);
        changed.put(name, value);
        return new HttpRequest(method, url, changed, body, deadline, bulk);
    }

    /** This request with a body. */
    public HttpRequest withBody(HttpBody replacement) {
        return new HttpRequest(method, url, headers, replacement, deadline, bulk);
    }

    /** This request as one of many long ones. */
    public HttpRequest inBulk() {
        return new HttpRequest(method, url, headers, body, deadline, true);
    }

    /** This request to another address. */
    public HttpRequest to(URI other) {
        return new HttpRequest(method, other, headers, body, deadline, bulk);
    }

    /** Method and address; never headers, which hold credentials, nor the query, which may. */
    @Override
    public String toString() {
        return method + " " + Urls.redacted(url);
    }
}
