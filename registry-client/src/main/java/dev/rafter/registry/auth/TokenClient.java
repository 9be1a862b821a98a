package dev.rafter.registry.auth;

import com.fasterxml.jackson.databind.JsonNode;
import dev.rafter.oci.Json;
import dev.rafter.registry.RegistryException;
import dev.rafter.registry.http.Deadline;
import dev.rafter.registry.http.HttpBody;
import dev.rafter.registry.http.HttpClient;
import dev.rafter.registry.http.HttpRequest;
import dev.rafter.registry.http.HttpResponse;
import dev.rafter.registry.http.Urls;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Docker's token protocol: with credentials a POST of a form (OAuth 2), and where the server knows no such thing, or without
 * credentials, a GET with a query.
 */
final class TokenClient {
    private static final int MAX_ANSWER_BYTES = 1 << 20;
    private static final Duration DEFAULT_LIFE = Duration.ofSeconds(60);
    private static final Duration MAX_LIFE = Duration.ofHours(12);
    private static final String CLIENT_ID = "rafter";

    /** Answers to POST that mean: not by POST. */
    private static final Set<Integer> POST_UNKNOWN = Set.of(400, 401, 404, 405, 501);

    /**
     * An access token.
     *
     * @param untilNanos when to get another, on {@link System#nanoTime()}
     */
    record Token(String value, long untilNanos) {

        @Override
        public String toString() {
            return "Token[]";
        }
    }

    private final HttpClient http;

    TokenClient(HttpClient http) {
        this.http = http;
    }

    /**
     * @param overTls whether the registry that names the token server is spoken to over TLS: then the token server must be, too
     */
    Token fetch(Challenge challenge, boolean overTls, Scope scope, Credentials credentials, Deadline deadline)
            throws IOException {
        URI realm = realm(challenge, overTls);
        if (credentials instanceof Credentials.Anonymous) {
            return token(http.send(get(challenge, realm, scope, deadline)), realm);
        }
        HttpResponse posted = http.send(post(challenge, realm, scope, credentials, deadline));
        if (POST_UNKNOWN.contains(posted.status()) && credentials instanceof Credentials.Basic basic) {
            posted.close();
            return token(
                    http.send(get(challenge, realm, scope, deadline).with("Authorization", basic.header())), realm);
        }
        return token(posted, realm);
    }

    private static URI realm(Challenge challenge, boolean overTls) throws RegistryException {
        String text = challenge.parameter("realm");
        try {
            URI realm = new URI(text);
            boolean http = "http".equalsIgnoreCase(realm.getScheme());
            if (realm.getHost() != null && ((http && !overTls) || "https".equalsIgnoreCase(realm.getScheme()))) {
                return realm;
            }
        } catch (URISyntaxException e) {
            // said below
        }
        throw new RegistryException(
                RegistryException.Reason.PROTOCOL,
                "the registry names a token server that cannot be used: \"" + text.replaceAll("[?].*", "") + "\"",
                401,
                "",
                "",
                false,
                null);
    }

    private static HttpRequest get(Challenge challenge, URI realm, Scope scope, Deadline deadline) {
        StringBuilder query = new StringBuilder();
        if (!challenge.parameter("service").isEmpty()) {
            append(query, "service", challenge.parameter("service"));
        }
        for (String part : scope.parts()) {
            append(query, "scope", part);
        }
        String separator = realm.getRawQuery() == null ? "?" : "&";
        return new HttpRequest("GET", URI.create(realm + separator + query), deadline);
    }

    private static HttpRequest post(
            Challenge challenge, URI realm, Scope scope, Credentials credentials, Deadline deadline) {
        Map<String, String> form = new TreeMap<>();
        form.put("service", challenge.parameter("service"));
        form.put("scope", scope.toString());
        form.put("client_id", CLIENT_ID);
        switch (credentials) {
            case Credentials.Basic basic -> {
                form.put("grant_type", "password");
                form.put("username", basic.user());
                form.put("password", basic.password());
            }
            case Credentials.IdentityToken identity -> {
                form.put("grant_type", "refresh_token");
                form.put("refresh_token", identity.token());
            }
            case Credentials.Anonymous _, Credentials.RegistryToken _ ->
                throw new IllegalArgumentException("no token is fetched with " + credentials);
        }
        StringBuilder text = new StringBuilder();
        form.forEach((name, value) -> append(text, name, value));
        byte[] bytes = text.toString().getBytes(StandardCharsets.US_ASCII);
        return new HttpRequest("POST", realm, deadline)
                .withBody(new HttpBody(
                        "application/x-www-form-urlencoded", bytes.length, () -> new ByteArrayInputStream(bytes)));
    }

    private static void append(StringBuilder form, String name, String value) {
        form.append(form.isEmpty() ? "" : "&")
                .append(name)
                .append('=')
                .append(URLEncoder.encode(value, StandardCharsets.UTF_8));
    }

    private static Token token(HttpResponse response, URI realm) throws IOException {
        try (response) {
            if (response.status() != 200) {
                throw refused(response, realm);
            }
            JsonNode answer = Json.tree(response.bytes(MAX_ANSWER_BYTES), "the token of " + Urls.redacted(realm));
            for (String field : List.of("token", "access_token")) {
                String value = answer.path(field).asText("");
                if (!value.isEmpty() && value.chars().allMatch(c -> c > 0x20 && c < 0x7f)) {
                    return new Token(value, System.nanoTime() + life(answer).toNanos());
                }
            }
            throw new RegistryException(
                    RegistryException.Reason.PROTOCOL,
                    "the token server " + Urls.redacted(realm) + " answered without a token",
                    200,
                    "",
                    Urls.redacted(realm),
                    false,
                    null);
        }
    }

    /** Renewed when a tenth of its life is left: a request that leaves with a token should arrive with a good one. */
    private static Duration life(JsonNode answer) {
        long seconds = answer.path("expires_in").asLong(0);
        Duration life = seconds <= 0 ? DEFAULT_LIFE : Duration.ofSeconds(Math.min(seconds, MAX_LIFE.toSeconds()));
        return life.multipliedBy(9).dividedBy(10);
    }

    private static RegistryException refused(HttpResponse response, URI realm) {
        int status = response.status();
        boolean denied = status == 400 || status == 401 || status == 403;
        return new RegistryException(
                denied
                        ? RegistryException.Reason.UNAUTHORIZED
                        : status >= 500 ? RegistryException.Reason.UNREACHABLE : RegistryException.Reason.REFUSED,
                "the token server " + Urls.redacted(realm) + " answered " + status,
                status,
                "",
                Urls.redacted(realm),
                status >= 500 || status == 429,
                null);
    }
}
