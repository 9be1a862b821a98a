package dev.rafter.registry;

import dev.rafter.oci.DocumentException;
import dev.rafter.registry.auth.Authenticator;
import dev.rafter.registry.auth.Scope;
import dev.rafter.registry.http.Backoff;
import dev.rafter.registry.http.Deadline;
import dev.rafter.registry.http.HttpClient;
import dev.rafter.registry.http.HttpRequest;
import dev.rafter.registry.http.HttpResponse;
import dev.rafter.registry.http.Retries;
import dev.rafter.registry.http.Urls;
import java.io.IOException;
import java.net.URI;
import java.time.Instant;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * One registry: its address, who we are to it, and where it keeps its blobs. Follows redirects, to other hosts without credentials,
 * and remembers per blob where they led, until that address is refused or five minutes have gone. Thread safe.
 */
final class RegistryHost {
    private static final int MAX_REDIRECTS = 5;
    private static final int MAX_LOCATIONS = 10_000;
    private static final long LOCATION_LIFE_NANOS = 300_000_000_000L;
    private static final Set<Integer> REDIRECTS = Set.of(301, 302, 303, 307, 308);

    /** Answers of a storage, besides those with content, that another address would not change. */
    private static final Set<Integer> LOCATION_GOOD = Set.of(416, 429);

    private static final Pattern SIGNED_LIFE = Pattern.compile("(?:^|&)X-(?:Amz|Goog)-Expires=(\\d{1,9})(?:&|$)");
    private static final Pattern SIGNED_END = Pattern.compile("(?:^|&)Expires=(\\d{9,11})(?:&|$)");

    private record Location(URI url, long untilNanos) {}

    /** What to do with an answer that is not one of those that are tried again. */
    interface Handler<T> {
        T handle(HttpResponse response) throws IOException;
    }

    final Failures failures;
    private final URI base;
    private final HttpClient engine;
    private final Authenticator authenticator;
    private final Backoff.Policy policy;
    private final Map<URI, Location> locations = new ConcurrentHashMap<>();

    RegistryHost(String host, URI base, HttpClient engine, RegistryOptions options) {
        this.base = base;
        this.engine = engine;
        this.policy = options.documents();
        this.authenticator =
                new Authenticator(host, engine, new Retries(engine, options.documents()), options.credentials());
        this.failures = new Failures(host, base, authenticator);
    }

    /** The address of {@code /v2/…}; the rest is made of checked names. */
    URI url(String path) {
        return base.resolve("/v2/" + path);
    }

    /** One attempt, redirects followed. */
    HttpResponse send(HttpRequest request, Scope scope) throws IOException {
        HttpResponse response = sendOnce(request, scope);
        for (int hops = 0; REDIRECTS.contains(response.status()); hops++) {
            if (hops == MAX_REDIRECTS) {
                throw refused(response, request.toString(), "redirects without end");
            }
            HttpRequest next = request.to(location(response));
            response.close();
            response = sendOnce(next, scope);
        }
        return response;
    }

    /** What goes to another host, by a redirect or as an upload's next address, takes no credentials there. */
    private HttpResponse sendOnce(HttpRequest request, Scope scope) throws IOException {
        return Urls.sameOrigin(request.url(), base) ? authenticator.send(request, scope) : engine.send(request);
    }

    private RegistryException refused(HttpResponse response, String what, String problem) {
        RegistryException failure = failures.protocol(response, what, problem);
        response.close();
        return failure;
    }

    /** The address in the Location header, which may be relative. Never one without TLS where there was TLS. */
    URI location(HttpResponse response) throws IOException {
        String location = response.header("Location");
        URI target = location == null ? null : resolved(response.url(), location);
        String asked = Urls.redacted(response.url());
        if (target == null) {
            String problem = "gave a Location that is " + (location == null ? "missing" : "no address");
            throw refused(response, asked, problem);
        }
        if (isTls(response.url()) && !isTls(target)) {
            throw refused(
                    response,
                    asked,
                    "leads from TLS to plain HTTP, at " + Urls.origin(target)
                            + "; a registry behind a proxy that ends TLS must be told so (X-Forwarded-Proto)");
        }
        return target;
    }

    private static @Nullable URI resolved(URI from, String location) {
        try {
            URI target = from.resolve(location);
            boolean http = isTls(target) || "http".equalsIgnoreCase(target.getScheme());
            return http && target.getHost() != null ? target : null;
        } catch (IllegalArgumentException e) {
            return null; // the caller says so
        }
    }

    private static boolean isTls(URI url) {
        return "https".equalsIgnoreCase(url.getScheme());
    }

    /** One attempt at a GET of a blob, at the address where the last one ended, if there was one. */
    HttpResponse sendForBlob(HttpRequest request, Scope scope) throws IOException {
        Location known = location(request.url());
        if (known != null) {
            HttpResponse response = sendTo(known, request);
            if (response.status() / 100 == 2 || LOCATION_GOOD.contains(response.status())) {
                return response;
            }
            locations.remove(request.url(), known);
            response.close();
        }
        HttpResponse response = send(request, scope);
        if (response.status() / 100 == 2 && !Urls.sameOrigin(response.url(), base)) {
            remember(request.url(), response.url());
        }
        return response;
    }

    private HttpResponse sendTo(Location known, HttpRequest request) throws IOException {
        try {
            return engine.send(request.to(known.url));
        } catch (IOException e) {
            locations.remove(request.url(), known); // the next attempt asks the registry again
            throw e;
        }
    }

    private @Nullable Location location(URI blob) {
        Location location = locations.get(blob);
        return location != null && location.untilNanos - System.nanoTime() > 0 ? location : null;
    }

    private void remember(URI blob, URI target) {
        if (locations.size() >= MAX_LOCATIONS) {
            locations.clear();
        }
        long lifeNanos =
                Math.min(LOCATION_LIFE_NANOS, signedSeconds(String.valueOf(target.getRawQuery())) * 800_000_000L);
        locations.put(blob, new Location(target, System.nanoTime() + lifeNanos));
    }

    /** How long a signed address is good: S3 and Google's storage name a time, CloudFront and older signatures its end. */
    private static long signedSeconds(String query) {
        Matcher life = SIGNED_LIFE.matcher(query);
        if (life.find()) {
            return Long.parseLong(life.group(1));
        }
        Matcher end = SIGNED_END.matcher(query);
        long unknown = 1_000_000_000;
        return end.find()
                ? Math.max(0, Long.parseLong(end.group(1)) - Instant.now().getEpochSecond())
                : unknown;
    }

    /**
     * A small exchange from request to the end of the answer, tried again as {@link RegistryOptions#documents} says.
     *
     * @param what for messages: "resolving registry.example/app:1"
     */
    <T> T exchange(HttpRequest request, Scope scope, String what, Handler<T> handler) throws IOException {
        Backoff backoff = new Backoff(policy, request.deadline());
        while (true) {
            String retryAfter = null;
            IOException failure;
            try (HttpResponse response = send(request, scope)) {
                if (!Retries.isTransient(response.status())) {
                    return handler.handle(response);
                }
                retryAfter = response.header("Retry-After");
                failure = failures.refused(response, what);
            } catch (IOException e) {
                failure = failures.failed(e, what);
                if (!mayRetry(e)) {
                    throw failure;
                }
            }
            if (!backoff.await(retryAfter)) {
                throw failure;
            }
        }
    }

    static boolean mayRetry(IOException e) {
        return switch (e) {
            case RegistryException refusal -> refusal.retryable();
            case DocumentException _ -> false;
            default -> Retries.isTransient(e);
        };
    }

    /** A request of this host. */
    HttpRequest request(String method, String path, Deadline deadline) {
        return new HttpRequest(method, url(path), deadline);
    }
}
