package dev.rafter.registry.auth;

import dev.rafter.registry.RegistryException;
import dev.rafter.registry.http.Deadline;
import dev.rafter.registry.http.HttpClient;
import dev.rafter.registry.http.HttpRequest;
import dev.rafter.registry.http.HttpResponse;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Proves to one registry host who we are. Remembers how the host asked, so that only the first request is refused before it is
 * answered, and keeps tokens until shortly before they expire: one fetch per token however many requests need it. On 401 and 403
 * credentials are read from their source again, and the request is sent once more if that changes what it says.
 *
 * <p>Thread safe. The lock of a scope is held while its token is fetched.
 */
public final class Authenticator {
    private static final Duration TOKEN_TIMEOUT = Duration.ofSeconds(30);

    private final String host;
    private final HttpClient http;
    private final CredentialSource source;
    private final TokenClient tokens;
    private final Map<Scope, Slot> slots = new ConcurrentHashMap<>();
    private volatile @Nullable Challenge known;

    /** What is sent for one scope. */
    private static final class Slot {
        final ReentrantLock lock = new ReentrantLock();
        volatile @Nullable String header;
        volatile long untilNanos;

        @Nullable
        String fresh() {
            String current = header;
            return current != null && untilNanos - System.nanoTime() > 0 ? current : null;
        }
    }

    /**
     * @param host for which credentials are looked up
     * @param registry where requests go
     * @param tokenServer where token requests go: the same with retries
     */
    public Authenticator(String host, HttpClient registry, HttpClient tokenServer, CredentialSource source) {
        this.host = host;
        this.http = registry;
        this.source = source;
        this.tokens = new TokenClient(tokenServer);
    }

    /** Sends a request as somebody who may do what {@code scope} says; an answer of 401 or 403 is the registry's last word. */
    public HttpResponse send(HttpRequest request, Scope scope) throws IOException {
        Slot slot = slots.computeIfAbsent(scope, _ -> new Slot());
        Challenge challenge = known;
        String used = challenge == null ? null : header(slot, challenge, scope, null, request);
        HttpResponse response = http.send(authorized(request, used));
        Challenge asked = challenge(response);
        if (asked == null) {
            return response;
        }
        String renewed;
        try {
            renewed = header(slot, asked, scope, used == null ? "" : used, request);
        } catch (IOException e) {
            response.close();
            throw e;
        }
        known = asked;
        if (renewed == null || renewed.equals(used)) {
            return response;
        }
        response.close();
        return http.send(authorized(request, renewed));
    }

    private static HttpRequest authorized(HttpRequest request, @Nullable String header) {
        return header == null ? request : request.with("Authorization", header);
    }

    /** What the registry asks for; null if it does not, or in a way we do not know. Some say 403 when a token or password expired. */
    private @Nullable Challenge challenge(HttpResponse response) {
        if (response.status() != 401 && response.status() != 403) {
            return null;
        }
        List<Challenge> challenges = Challenge.parse(response.headers("WWW-Authenticate"));
        for (Challenge challenge : challenges) {
            if (challenge.isBearer()) {
                return challenge;
            }
        }
        for (Challenge challenge : challenges) {
            if (challenge.isBasic()) {
                return challenge;
            }
        }
        return known;
    }

    /**
     * What to send. With {@code refused}, what was sent in vain, something else if there is anything else; of many that were refused
     * together one fetches and the others take what it got.
     */
    private @Nullable String header(
            Slot slot, Challenge challenge, Scope scope, @Nullable String refused, HttpRequest request)
            throws IOException {
        String current = slot.fresh();
        if (current != null && !current.equals(refused)) {
            return current;
        }
        lock(slot, request.deadline());
        try {
            current = slot.fresh();
            if (current != null && !current.equals(refused)) {
                return current;
            }
            return fetch(slot, challenge, scope, request);
        } finally {
            slot.lock.unlock();
        }
    }

    private void lock(Slot slot, Deadline deadline) throws InterruptedIOException {
        try {
            if (!slot.lock.tryLock(deadline.remainingMillis(), TimeUnit.MILLISECONDS)) {
                throw new InterruptedIOException("timeout");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            InterruptedIOException interrupted = new InterruptedIOException("interrupted while waiting for a token");
            interrupted.initCause(e);
            throw interrupted;
        }
    }

    private @Nullable String fetch(Slot slot, Challenge challenge, Scope scope, HttpRequest request)
            throws IOException {
        Credentials credentials = source.find(host);
        slot.header = null;
        if (credentials instanceof Credentials.RegistryToken registryToken) {
            return keep(slot, "Bearer " + registryToken.token(), Long.MAX_VALUE >> 1);
        }
        if (challenge.isBasic()) {
            return credentials instanceof Credentials.Basic basic
                    ? keep(slot, basic.header(), Long.MAX_VALUE >> 1)
                    : null;
        }
        TokenClient.Token token = token(challenge, scope, credentials, request);
        String header = "Bearer " + token.value();
        slot.untilNanos = token.untilNanos();
        slot.header = header;
        return header;
    }

    private TokenClient.Token token(Challenge challenge, Scope scope, Credentials credentials, HttpRequest request)
            throws IOException {
        boolean overTls = "https".equalsIgnoreCase(request.url().getScheme());
        try {
            return tokens.fetch(
                    challenge, overTls, scope, credentials, request.deadline().atMost(TOKEN_TIMEOUT));
        } catch (RegistryException e) {
            if (e.reason() != RegistryException.Reason.UNAUTHORIZED) {
                throw e;
            }
            String message = e.getMessage() + "; " + advice(credentials);
            throw new RegistryException(e.reason(), message, e.status(), e.code(), e.url(), false, e);
        }
    }

    private static String keep(Slot slot, String header, long lifeNanos) {
        slot.untilNanos = System.nanoTime() + lifeNanos;
        slot.header = header;
        return header;
    }

    /** What to do about a refusal, for its message. */
    public String advice() throws IOException {
        return advice(source.find(host));
    }

    private String advice(Credentials credentials) {
        return credentials instanceof Credentials.Anonymous
                ? "no credentials for " + host + " in " + source.describe() + ": docker login " + host
                : "the credentials for " + host + " in " + source.describe() + " were not accepted: docker login "
                        + host;
    }
}
