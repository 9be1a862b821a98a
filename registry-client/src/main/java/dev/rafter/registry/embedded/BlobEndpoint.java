package dev.rafter.registry.embedded;

import com.sun.net.httpserver.HttpExchange;
import dev.rafter.oci.Digest;
import java.io.IOException;
import java.io.InputStream;

/** {@code /v2/NAME/blobs/DIGEST}: reading and removing blobs. */
final class BlobEndpoint {
    private final EmbeddedRegistry registry;

    BlobEndpoint(EmbeddedRegistry registry) {
        this.registry = registry;
    }

    void handle(HttpExchange exchange, String name, Digest digest) throws IOException, Refusal {
        switch (exchange.getRequestMethod()) {
            case "GET", "HEAD" -> read(exchange, name, digest);
            case "DELETE" -> remove(exchange, name, digest);
            default -> throw new Refusal(405, "UNSUPPORTED", "method not allowed");
        }
    }

    private void read(HttpExchange exchange, String name, Digest digest) throws IOException, Refusal {
        long size = sizeOf(name, digest);
        ByteRange range = ByteRange.parse(exchange.getRequestHeaders().getFirst("Range"), size);
        exchange.getResponseHeaders().set("Docker-Content-Digest", digest.toString());
        exchange.getResponseHeaders().set("Content-Type", "application/octet-stream");
        exchange.getResponseHeaders().set("Accept-Ranges", "bytes");
        if (range != null) {
            exchange.getResponseHeaders()
                    .set("Content-Range", "bytes " + range.first() + "-" + range.last() + "/" + size);
        }
        long first = range == null ? 0 : range.first();
        long length = range == null ? size : range.length();
        if (Answers.head(exchange, range == null ? 200 : 206, length)) {
            send(exchange, digest, first, length);
        }
    }

    private void send(HttpExchange exchange, Digest digest, long first, long length) throws IOException {
        try (InputStream content = registry.contents().open(digest, first)) {
            byte[] buffer = new byte[64 << 10];
            for (long left = length; left > 0; ) {
                int n = content.read(buffer, 0, (int) Math.min(buffer.length, left));
                if (n < 0) {
                    throw new IOException(digest + " ends early");
                }
                exchange.getResponseBody().write(buffer, 0, n);
                left -= n;
            }
        }
    }

    private long sizeOf(String name, Digest digest) throws IOException, Refusal {
        Repository repository = registry.find(name);
        if (repository == null || !repository.hasBlob(digest)) {
            throw new Refusal(404, "BLOB_UNKNOWN", "blob unknown to registry: " + digest);
        }
        return registry.contents()
                .size(digest)
                .orElseThrow(() -> new Refusal(404, "BLOB_UNKNOWN", "blob unknown to registry: " + digest));
    }

    private void remove(HttpExchange exchange, String name, Digest digest) throws IOException, Refusal {
        Repository repository = registry.find(name);
        if (repository == null || !repository.removeBlob(digest)) {
            throw new Refusal(404, "BLOB_UNKNOWN", "blob unknown to registry: " + digest);
        }
        registry.save();
        Answers.empty(exchange, 202);
    }
}
