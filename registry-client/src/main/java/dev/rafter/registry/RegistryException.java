package dev.rafter.registry;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * A registry refused, failed or could not be reached. The message says what was asked of whom, what came back, and what to do;
 * it holds no credentials and no query string.
 */
public final class RegistryException extends IOException {
    /** Why, by who can act. */
    public enum Reason {
        /** No such image, tag, blob or repository, or none that the registry lets us see. */
        NOT_FOUND,
        /** Credentials are missing, wrong, or not enough. */
        UNAUTHORIZED,
        /** The registry cannot be reached: DNS, connection, TLS, time-out, or 5xx to the end. */
        UNREACHABLE,
        /** The registry refused the request for another reason, which the message gives. */
        REFUSED,
        /** The registry answered with something that the protocol does not allow, or with bytes of another digest or length. */
        PROTOCOL
    }

    private final Reason reason;
    private final int status;
    private final String code;
    private final String url;
    private final boolean retryable;

    /**
     * @param status HTTP status, 0 if there was no answer
     * @param code the registry's own error code, as "MANIFEST_UNKNOWN", or ""
     * @param url what was asked, without user info and query
     * @param retryable whether the same request may succeed later
     */
    public RegistryException(
            Reason reason,
            String message,
            int status,
            String code,
            String url,
            boolean retryable,
            @Nullable Throwable cause) {
        super(message, cause);
        this.reason = reason;
        this.status = status;
        this.code = code;
        this.url = url;
        this.retryable = retryable;
    }

    /** Never null. */
    @Override
    public String getMessage() {
        return String.valueOf(super.getMessage());
    }

    public Reason reason() {
        return reason;
    }

    public int status() {
        return status;
    }

    public String code() {
        return code;
    }

    public String url() {
        return url;
    }

    public boolean retryable() {
        return retryable;
    }
}
