package dev.rafter.registry.embedded;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import dev.rafter.oci.Digest;
import dev.rafter.oci.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Finds out what a request is about, and who may ask it. */
final class RegistryHandler implements HttpHandler {
    private static final String NAME = "([a-z0-9]+(?:(?:\\.|_|__|-+|/)[a-z0-9]+)*)";
    private static final Pattern BLOB = Pattern.compile("/v2/" + NAME + "/blobs/([^/]+)");
    private static final Pattern UPLOADS = Pattern.compile("/v2/" + NAME + "/blobs/uploads/([^/]*)");
    private static final Pattern MANIFEST = Pattern.compile("/v2/" + NAME + "/manifests/([^/]+)");
    private static final Pattern TAGS = Pattern.compile("/v2/" + NAME + "/tags/list");
    private static final Pattern VERSION = Pattern.compile("/v2/?");
    private static final Pattern REFERRERS = Pattern.compile("/v2/" + NAME + "/referrers/([^/]+)");

    private static final int MAX_FORM_BYTES = 64 << 10;

    private final EmbeddedRegistry registry;
    private final List<Route> routes;

    private record Route(Pattern path, Endpoint endpoint) {}

    private interface Endpoint {
        void handle(HttpExchange exchange, Matcher path) throws IOException, Refusal;
    }

    RegistryHandler(EmbeddedRegistry registry) {
        this.registry = registry;
        BlobEndpoint blobs = new BlobEndpoint(registry);
        UploadEndpoint uploads = new UploadEndpoint(registry);
        ManifestEndpoint manifests = new ManifestEndpoint(registry);
        routes = List.of(
                new Route(UPLOADS, (exchange, path) -> uploads.handle(exchange, path.group(1), path.group(2))),
                new Route(BLOB, (exchange, path) -> blobs.handle(exchange, path.group(1), digest(path.group(2)))),
                new Route(MANIFEST, (exchange, path) -> manifests.handle(exchange, path.group(1), path.group(2))),
                new Route(
                        REFERRERS,
                        (exchange, path) -> manifests.referrers(exchange, path.group(1), digest(path.group(2)))),
                new Route(TAGS, (exchange, path) -> manifests.tags(exchange, path.group(1))),
                new Route(
                        VERSION,
                        (exchange, _) -> Answers.json(exchange, 200, "application/json", Json.bytes(Map.of()))));
    }

    @Override
    public void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            try {
                route(exchange);
            } catch (Refusal refusal) {
                refuse(exchange, refusal);
            }
        }
    }

    private void route(HttpExchange exchange) throws IOException, Refusal {
        if (registry.outage() != 0) {
            throw new Refusal(registry.outage(), "UNAVAILABLE", "out of order");
        }
        String path = exchange.getRequestURI().getPath();
        String authorization = exchange.getRequestHeaders().getFirst("Authorization");
        if (path.equals("/token")) {
            token(exchange, exchange.getRequestMethod().equals("POST") ? basicOfForm(exchange) : authorization);
            return;
        }
        exchange.getResponseHeaders().set("Docker-Distribution-Api-Version", "registry/2.0");
        if (!registry.guard().allows(authorization)) {
            String host = exchange.getRequestHeaders().getFirst("Host");
            exchange.getResponseHeaders()
                    .set("WWW-Authenticate", registry.guard().challenge(host == null ? registry.host() : host));
            throw new Refusal(401, "UNAUTHORIZED", "authentication required");
        }
        for (Route route : routes) {
            Matcher matcher = route.path().matcher(path);
            if (matcher.matches()) {
                route.endpoint().handle(exchange, matcher);
                return;
            }
        }
        throw new Refusal(404, "NOT_FOUND", "no such path: " + path);
    }

    private void token(HttpExchange exchange, @Nullable String authorization) throws IOException, Refusal {
        byte[] answer = registry.guard().token(authorization);
        if (answer == null) {
            throw new Refusal(401, "UNAUTHORIZED", "wrong user name or password");
        }
        Answers.json(exchange, 200, "application/json", answer);
    }

    /** A form of OAuth 2 with a password says the same as Basic authentication. */
    private static @Nullable String basicOfForm(HttpExchange exchange) throws IOException {
        byte[] body = exchange.getRequestBody().readNBytes(MAX_FORM_BYTES);
        Map<String, String> form = UploadEndpoint.form(new String(body, StandardCharsets.US_ASCII));
        if (!"password".equals(form.get("grant_type"))) {
            return null;
        }
        String pair = form.get("username") + ":" + form.get("password");
        return "Basic " + Base64.getEncoder().encodeToString(pair.getBytes(StandardCharsets.UTF_8));
    }

    static Digest digest(String text) throws Refusal {
        try {
            return Digest.parse(text);
        } catch (IllegalArgumentException e) {
            throw new Refusal(400, "DIGEST_INVALID", String.valueOf(e.getMessage()));
        }
    }

    private static void refuse(HttpExchange exchange, Refusal refusal) throws IOException {
        byte[] body = Json.bytes(Map.of(
                "errors", List.of(Map.of("code", refusal.code(), "message", String.valueOf(refusal.getMessage())))));
        Answers.json(exchange, refusal.status(), "application/json", body);
    }
}
