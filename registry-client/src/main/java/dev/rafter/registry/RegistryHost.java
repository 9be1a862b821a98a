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

    /** Answers of a storage service that mean that the signed address is no longer good. */
    private static final Set<Integer> LOCATION_REFUSED = Set.of(400, 401, 403, 404, 410);

    private static final Pattern AMZ_EXPIRES = Pattern.compile("[?&]X-Amz-Expires=(\\d{1,9})(?:&|$)");

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
        HttpResponse response = authenticator.send(request, scope);
        for (int hops = 0; REDIRECTS.contains(response.status()); hops++) {
            HttpRequest next = redirected(request, response, hops);
            response.close();
            response = Urls.sameOrigin(next.url(), base) ? authenticator.send(next, scope) : engine.send(next);
        }
        return response;
    }

    private HttpRequest redirected(HttpRequest request, HttpResponse response, int hops) throws IOException {
        URI target = location(response);
        boolean downgrade =
                "https".equalsIgnoreCase(response.url().getScheme()) && "http".equalsIgnoreCase(target.getScheme());
        if (hops >= MAX_REDIRECTS || downgrade) {
            String problem = downgrade ? "redirects from TLS to plain HTTP" : "redirects without end";
            RegistryException failure = failures.protocol(response, request.toString(), problem);
            response.close();
            throw failure;
        }
        return request.to(target);
    }

    /** The address in the Location header, which may be relative. */
    URI location(HttpResponse response) throws IOException {
        String location = response.header("Location");
        if (location != null) {
            try {
                URI target = response.url().resolve(location);
                boolean http =
                        "http".equalsIgnoreCase(target.getScheme()) || "https".equalsIgnoreCase(target.getScheme());
                if (http && target.getHost() != null) {
                    return target;
                }
            } catch (IllegalArgumentException e) {
                // said below
            }
        }
        RegistryException failure = failures.protocol(
                response,
                Urls.redacted(response.url()),
                "gave a Location that is " + (location == null ? "missing" : "no address"));
        response.close();
        throw failure;
    }

    /** One attempt at a GET of a blob, at the address where the last one ended, if there was one. */
    HttpResponse sendForBlob(HttpRequest request, Scope scope) throws IOException {
        URI known = location(request.url());
        if (known != null) {
            HttpResponse response = sendTo(known, request);
            if (!LOCATION_REFUSED.contains(response.status())) {
                return response;
            }
            locations.remove(request.url());
            response.close();
        }
        HttpResponse response = send(request, scope);
        if (response.status() / 100 == 2 && !Urls.sameOrigin(response.url(), base)) {
            remember(request.url(), response.url());
        }
        return response;
    }

    private HttpResponse sendTo(URI known, HttpRequest request) throws IOException {
        try {
            return engine.send(request.to(known));
        } catch (IOException e) {
            locations.remove(request.url()); // the next attempt asks the registry again
            throw e;
        }
    }

    private @Nullable URI location(URI blob) {
        Location location = locations.get(blob);
        return location != null && location.untilNanos - System.nanoTime() > 0 ? location.url : null;
    }

    private void remember(URI blob, URI target) {
        if (locations.size() >= MAX_LOCATIONS) {
            locations.clear();
        }
        Matcher expires =
                AMZ_EXPIRES.matcher(String.valueOf(target.getRawQuery() == null ? "" : "?" + target.getRawQuery()));
        long lifeNanos = LOCATION_LIFE_NANOS;
        if (expires.find()) {
            lifeNanos = Math.min(lifeNanos, Long.parseLong(expires.group(1)) * 800_000_000L);
        }
        locations.put(blob, new Location(target, System.nanoTime() + lifeNanos));
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
