package dev.rafter.registry.embedded;

import com.sun.net.httpserver.HttpExchange;
import dev.rafter.oci.Digest;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** {@code /v2/NAME/blobs/uploads/}: pushing blobs, in one piece, in chunks, or by mounting from another repository. */
final class UploadEndpoint {
    private final EmbeddedRegistry registry;
    /** Bytes received so far, by upload. */
    private final Map<String, Long> uploads = new ConcurrentHashMap<>();

    UploadEndpoint(EmbeddedRegistry registry) {
        this.registry = registry;
    }

    void handle(HttpExchange exchange, String name, String id) throws IOException, Refusal {
        Map<String, String> query = query(exchange);
        if (id.isEmpty() && exchange.getRequestMethod().equals("POST")) {
            begin(exchange, name, query);
            return;
        }
        if (!uploads.containsKey(id)) {
            throw new Refusal(404, "BLOB_UPLOAD_UNKNOWN", "upload unknown to registry: " + id);
        }
        switch (exchange.getRequestMethod()) {
            case "PATCH" -> {
                append(exchange, id);
                answerProgress(exchange, name, id, 202);
            }
            case "PUT" -> {
                append(exchange, id);
                finish(exchange, name, id, query.get("digest"));
            }
            case "GET" -> answerProgress(exchange, name, id, 204);
            case "DELETE" -> {
                uploads.remove(id);
                registry.contents().abandon(id);
                Answers.empty(exchange, 204);
            }
            default -> throw new Refusal(405, "UNSUPPORTED", "method not allowed");
        }
    }

    private void begin(HttpExchange exchange, String name, Map<String, String> query) throws IOException, Refusal {
        String mount = query.get("mount");
        if (mount != null && mount(name, RegistryHandler.digest(mount), query.get("from"))) {
            registry.save();
            answerStored(exchange, name, RegistryHandler.digest(mount));
            return;
        }
        String id = UUID.randomUUID().toString();
        uploads.put(id, 0L);
        if (query.get("digest") != null) {
            append(exchange, id);
            finish(exchange, name, id, query.get("digest"));
        } else {
            answerProgress(exchange, name, id, 202);
        }
    }

    private boolean mount(String name, Digest digest, @Nullable String from) {
        Repository source = from == null ? null : registry.find(from);
        if (source == null || !source.hasBlob(digest)) {
            return false;
        }
        registry.getOrCreate(name).addBlob(digest);
        return true;
    }

    private void append(HttpExchange exchange, String id) throws IOException, Refusal {
        long have = uploads.getOrDefault(id, 0L);
        String range = exchange.getRequestHeaders().getFirst("Content-Range");
        if (range != null && !range.startsWith(have + "-")) {
            throw new Refusal(416, "BLOB_UPLOAD_INVALID", "have " + have + " bytes, not the start of " + range);
        }
        InputStream body = exchange.getRequestBody();
        byte[] buffer = new byte[64 << 10];
        // What came before a connection broke stays, and is counted: the client asks how much that is, and goes on from
        // there.
        try (OutputStream upload = registry.contents().append(id)) {
            for (int n = body.read(buffer); n >= 0; n = body.read(buffer)) {
                upload.write(buffer, 0, n);
                have += n;
                uploads.put(id, have);
            }
        }
    }

    private void finish(HttpExchange exchange, String name, String id, @Nullable String wanted)
            throws IOException, Refusal {
        Digest digest = RegistryHandler.digest(wanted == null ? "" : wanted);
        Digest actual = digestOf(id, digest);
        uploads.remove(id);
        if (!actual.equals(digest)) {
            registry.contents().abandon(id);
            throw new Refusal(400, "DIGEST_INVALID", "the content has the digest " + actual + ", not " + digest);
        }
        registry.contents().commit(id, digest);
        registry.getOrCreate(name).addBlob(digest);
        registry.save();
        answerStored(exchange, name, digest);
    }

    private Digest digestOf(String id, Digest like) throws IOException {
        MessageDigest hash = like.newMessageDigest();
        try (InputStream upload = registry.contents().openUpload(id)) {
            byte[] buffer = new byte[64 << 10];
            for (int n = upload.read(buffer); n >= 0; n = upload.read(buffer)) {
                hash.update(buffer, 0, n);
            }
        }
        return Digest.ofHash(like.algorithm(), hash.digest());
    }

    private void answerProgress(HttpExchange exchange, String name, String id, int status) throws IOException {
        long have = uploads.getOrDefault(id, 0L);
        exchange.getResponseHeaders().set("Location", "/v2/" + name + "/blobs/uploads/" + id);
        exchange.getResponseHeaders().set("Range", "0-" + Math.max(0, have - 1));
        exchange.getResponseHeaders().set("Docker-Upload-UUID", id);
        Answers.empty(exchange, status);
    }

    private static void answerStored(HttpExchange exchange, String name, Digest digest) throws IOException {
        exchange.getResponseHeaders().set("Location", "/v2/" + name + "/blobs/" + digest);
        exchange.getResponseHeaders().set("Docker-Content-Digest", digest.toString());
        Answers.empty(exchange, 201);
    }

    private static Map<String, String> query(HttpExchange exchange) {
        String query = exchange.getRequestURI().getRawQuery();
        return query == null ? Map.of() : form(query);
    }

    /** The values of a query or a form; of two with one name, the first. */
    static Map<String, String> form(String text) {
        return Arrays.stream(text.split("&", -1))
                .map(pair -> pair.split("=", 2))
                .filter(pair -> pair.length == 2)
                .collect(Collectors.toMap(
                        pair -> pair[0], pair -> URLDecoder.decode(pair[1], StandardCharsets.UTF_8), (a, _) -> a));
    }
}
