package dev.rafter.registry.embedded;

import java.util.Locale;

/**
 * Reads along on one connection: notices HTTP/1.1 requests (no TLS, no pipelining) on their way up, and gives the bytes that come back
 * to the kind of the latest one.
 */
final class RequestWatch {
    /** The most of a header line that is looked at. */
    private static final int LONGEST_LINE = 8 << 10;

    private final Link.Counters counters;
    private final StringBuilder line = new StringBuilder();
    private long bodyLeft;
    private boolean startLine = true;
    private long contentLength;
    private volatile Kind latest = Kind.OTHER;

    enum Kind {
        MANIFEST,
        BLOB,
        OTHER
    }

    RequestWatch(Link.Counters counters) {
        this.counters = counters;
    }

    void sent(byte[] data, int length) {
        int at = 0;
        while (at < length) {
            if (bodyLeft > 0) {
                int skipped = (int) Math.min(bodyLeft, length - at);
                bodyLeft -= skipped;
                at += skipped;
            } else {
                take((char) (data[at++] & 0xff));
            }
        }
    }

    void received(int length) {
        counters.received(latest, length);
    }

    private void take(char c) {
        if (c == '\n') {
            endLine(line.toString().strip());
            line.setLength(0);
        } else if (line.length() < LONGEST_LINE) {
            line.append(c);
        }
    }

    private void endLine(String text) {
        if (startLine) {
            if (!text.isEmpty()) {
                startLine = false;
                contentLength = 0;
                latest = kind(text);
                counters.requests.increment();
            }
        } else if (text.isEmpty()) {
            startLine = true;
            bodyLeft = contentLength;
        } else if (text.toLowerCase(Locale.ROOT).startsWith("content-length:")) {
            contentLength = Long.parseLong(text.substring(text.indexOf(':') + 1).strip());
        }
    }

    private static Kind kind(String requestLine) {
        if (requestLine.contains("/manifests/")) {
            return Kind.MANIFEST;
        }
        return requestLine.contains("/blobs/") ? Kind.BLOB : Kind.OTHER;
    }
}
