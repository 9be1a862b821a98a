package dev.rafter.registry;

import com.fasterxml.jackson.databind.JsonNode;
import dev.rafter.oci.DocumentException;
import dev.rafter.oci.Json;
import dev.rafter.registry.auth.Authenticator;
import dev.rafter.registry.http.ContentException;
import dev.rafter.registry.http.HttpResponse;
import dev.rafter.registry.http.Urls;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.ConnectException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.UnknownHostException;
import javax.net.ssl.SSLException;

/** Makes {@link RegistryException}s of one host: what was asked of whom, what came back, and what to do. */
final class Failures {
    private static final int MAX_ERROR_BYTES = 64 << 10;
    private static final int MAX_SHOWN = 300;

    private final String host;
    private final URI base;
    private final Authenticator authenticator;

    Failures(String host, URI base, Authenticator authenticator) {
        this.host = host;
        this.base = base;
        this.authenticator = authenticator;
    }

    /** An answer that refuses. Reads its body. */
    RegistryException refused(HttpResponse response, String what) {
        int status = response.status();
        String[] own = ownError(response);
        RegistryException.Reason reason = switch (status) {
            case 404 -> RegistryException.Reason.NOT_FOUND;
            case 401, 403 -> RegistryException.Reason.UNAUTHORIZED;
            case 408, 429, 500, 502, 503, 504 -> RegistryException.Reason.UNREACHABLE;
            default -> RegistryException.Reason.REFUSED;
        };
        String said = (own[0] + " " + own[1]).strip();
        StringBuilder message = new StringBuilder(what + ": " + answerer(response) + " answered " + status);
        message.append(said.isEmpty() ? "" : " (" + said + ")");
        message.append(advice(response, reason));
        boolean retryable = reason == RegistryException.Reason.UNREACHABLE;
        return new RegistryException(
                reason, message.toString(), status, own[0], Urls.redacted(response.url()), retryable, null);
    }

    /** Where a redirect led to another host, that one is named too. */
    private String answerer(HttpResponse response) {
        return isElsewhere(response) ? host + " (through " + response.url().getHost() + ")" : host;
    }

    private boolean isElsewhere(HttpResponse response) {
        return !Urls.sameOrigin(response.url(), base);
    }

    private String advice(HttpResponse response, RegistryException.Reason reason) {
        return switch (reason) {
            case UNAUTHORIZED ->
                isElsewhere(response) ? "; the storage behind the registry refuses" : "; " + credentialAdvice();
            case NOT_FOUND -> "; is the name right?";
            case UNREACHABLE -> response.status() == 429 ? "; too many requests, try again later" : "; try again later";
            default -> "";
        };
    }

    private String credentialAdvice() {
        try {
            return authenticator.advice();
        } catch (IOException e) {
            return String.valueOf(e.getMessage());
        }
    }

    /** Code and message of the first error that the registry names itself, or empty ones. */
    private static String[] ownError(HttpResponse response) {
        try {
            JsonNode error = Json.tree(response.bytes(MAX_ERROR_BYTES), "error")
                    .path("errors")
                    .path(0);
            return new String[] {
                shown(error.path("code").asText("")),
                shown(error.path("message").asText(""))
            };
        } catch (IOException e) {
            return new String[] {"", ""}; // no body, or no JSON: the status alone says what is known
        }
    }

    private static String shown(String text) {
        String clean = text.replaceAll("[\\p{Cntrl}\\s]+", " ").strip();
        return clean.length() <= MAX_SHOWN ? clean : clean.substring(0, MAX_SHOWN) + "…";
    }

    /** An exchange that failed; a {@link RegistryException} stays what it is. */
    IOException failed(IOException cause, String what) {
        if (cause instanceof RegistryException || cause instanceof DocumentException) {
            return cause;
        }
        if (cause instanceof ContentException) {
            return new IOException(what + ": " + cause.getMessage(), cause.getCause());
        }
        String why = switch (cause) {
            case UnknownHostException _ -> "its name is not known (DNS)";
            case ConnectException _ -> "nothing answers there (" + cause.getMessage() + ")";
            case SSLException _ -> "TLS failed: " + cause.getMessage();
            case SocketTimeoutException _ -> "it did not answer in time";
            case InterruptedIOException e when "timeout".equals(e.getMessage()) -> "it did not answer in time";
            default -> String.valueOf(cause.getMessage());
        };
        return new RegistryException(
                RegistryException.Reason.UNREACHABLE,
                what + ": " + host + " cannot be reached: " + why + advice(cause),
                0,
                "",
                host,
                true,
                cause);
    }

    private String advice(IOException cause) {
        boolean plainAnswer = cause instanceof SSLException
                && String.valueOf(cause.getMessage()).contains("plaintext");
        if (plainAnswer || String.valueOf(cause.getMessage()).contains("Unsupported or unrecognized SSL message")) {
            return "; does " + host + " speak plain HTTP? It must be named as such";
        }
        return cause instanceof SSLException
                        && String.valueOf(cause.getMessage()).contains("certification path")
                ? "; its certificate is signed by nobody whom this machine trusts: give the authority's certificate"
                : "";
    }

    /** An answer that the protocol does not allow. */
    RegistryException protocol(HttpResponse response, String what, String problem) {
        return new RegistryException(
                RegistryException.Reason.PROTOCOL,
                what + ": " + answerer(response) + " " + problem,
                response.status(),
                "",
                Urls.redacted(response.url()),
                false,
                null);
    }
}
