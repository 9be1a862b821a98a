package dev.rafter.registry.http;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.SocketTimeoutException;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.SSLPeerUnverifiedException;
import org.jspecify.annotations.Nullable;

/** Tries again what may succeed later: connections that fail, 408, 429 and 5xx other than 501. The last answer, or failure, stands. */
public final class Retries implements HttpClient {
    private final HttpClient next;
    private final Backoff.Policy policy;

    public Retries(HttpClient next, Backoff.Policy policy) {
        this.next = next;
        this.policy = policy;
    }

    @Override
    public HttpResponse send(HttpRequest request) throws IOException {
        Backoff backoff = new Backoff(policy, request.deadline());
        while (true) {
            HttpResponse response = null;
            IOException failure = null;
            try {
                response = next.send(request);
            } catch (IOException e) {
                failure = e;
            }
            if (!mayRetry(response, failure) || !backoff.await(retryAfter(response))) {
                return orThrow(response, failure);
            }
            if (response != null) {
                response.close();
            }
        }
    }

    private static HttpResponse orThrow(@Nullable HttpResponse response, @Nullable IOException failure)
            throws IOException {
        if (response != null) {
            return response;
        }
        throw failure != null ? failure : new IOException("no answer");
    }

    private static boolean mayRetry(@Nullable HttpResponse response, @Nullable IOException failure) {
        return response != null ? isTransient(response.status()) : failure != null && isTransient(failure);
    }

    private static @Nullable String retryAfter(@Nullable HttpResponse response) {
        return response == null ? null : response.header("Retry-After");
    }

    /** Whether the same request may get another answer later. */
    public static boolean isTransient(int status) {
        return status == 408 || status == 429 || (status >= 500 && status != 501 && status != 505);
    }

    /** Whether the same request may go through later; not when somebody cancelled it, nor when the certificate is wrong. */
    public static boolean isTransient(IOException failure) {
        return switch (failure) {
            case ContentException _ -> false;
            case SSLHandshakeException e -> !isCertificateProblem(e);
            case SSLPeerUnverifiedException _ -> false;
            case SSLException _ -> true;
            case SocketTimeoutException _ -> true;
            case InterruptedIOException _ -> false;
            default -> !Thread.currentThread().isInterrupted();
        };
    }

    private static boolean isCertificateProblem(Throwable e) {
        for (Throwable t = e; t != null; t = t.getCause()) {
            if (t instanceof java.security.cert.CertificateException
                    || t instanceof java.security.cert.CertPathValidatorException
                    || t instanceof java.security.cert.CertPathBuilderException) {
                return true;
            }
        }
        return String.valueOf(e.getMessage()).contains("certificate");
    }
}
