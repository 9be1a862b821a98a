package dev.rafter.registry.embedded;

import dev.rafter.oci.Json;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** Who may use a registry. */
public sealed interface Access {
    /** Everybody. */
    record Open() implements Access {}

    /** Who knows a user name and a password, sent with each request. */
    record Basic(String user, String password) implements Access {}

    /** Who has a token, which the registry's own {@code /token} gives to who knows the user name and the password. */
    record Token(String user, String password, Duration validity) implements Access {}

    /** Checks requests. */
    final class Guard {
        private static final String CHALLENGE_BASIC = "Basic realm=\"registry\"";

        private final Access access;
        private final Map<String, Long> tokens = new ConcurrentHashMap<>();

        Guard(Access access) {
            this.access = access;
        }

        /** Whether a request with this Authorization header may pass. */
        boolean allows(@Nullable String authorization) {
            return switch (access) {
                case Open _ -> true;
                case Basic basic -> isBasic(authorization, basic.user(), basic.password());
                case Token _ -> isToken(authorization);
            };
        }

        /** What an unauthorized request is told. */
        String challenge(String host) {
            return access instanceof Token
                    ? "Bearer realm=\"http://" + host + "/token\",service=\"" + host + "\""
                    : CHALLENGE_BASIC;
        }

        /** The answer to a request for a token; null if the credentials are wrong. */
        byte @Nullable [] token(@Nullable String authorization) {
            if (!(access instanceof Token wanted) || !isBasic(authorization, wanted.user(), wanted.password())) {
                return null;
            }
            String token = UUID.randomUUID().toString();
            tokens.put(token, System.nanoTime() + wanted.validity().toNanos());
            return Json.bytes(
                    Map.of("token", token, "expires_in", wanted.validity().toSeconds()));
        }

        /** Makes every token invalid. */
        void expireTokens() {
            tokens.clear();
        }

        private boolean isToken(@Nullable String authorization) {
            if (authorization == null || !authorization.startsWith("Bearer ")) {
                return false;
            }
            Long until = tokens.get(authorization.substring("Bearer ".length()));
            return until != null && System.nanoTime() < until;
        }

        private static boolean isBasic(@Nullable String authorization, String user, String password) {
            String expected = "Basic "
                    + Base64.getEncoder().encodeToString((user + ":" + password).getBytes(StandardCharsets.UTF_8));
            return authorization != null
                    && MessageDigest.isEqual(
                            authorization.getBytes(StandardCharsets.UTF_8), expected.getBytes(StandardCharsets.UTF_8));
        }
    }
}
