package dev.rafter.registry.auth;

import java.nio.charset.StandardCharsets;
import java.util.Base64;

/** What proves to a registry who we are. {@code toString} tells the kind only. */
public sealed interface Credentials {
    /** Nothing: whatever the registry gives to everybody. */
    record Anonymous() implements Credentials {}

    /** User name and password, or what stands for one. */
    record Basic(String user, String password) implements Credentials {
        /** The value of an Authorization header. */
        String header() {
            byte[] pair = (user + ":" + password).getBytes(StandardCharsets.UTF_8);
            return "Basic " + Base64.getEncoder().encodeToString(pair);
        }

        @Override
        public String toString() {
            return "Basic[user=" + user + "]";
        }
    }

    /** A refresh token ("identitytoken"), for which the token server gives access tokens. */
    record IdentityToken(String token) implements Credentials {
        @Override
        public String toString() {
            return "IdentityToken[]";
        }
    }

    /** An access token ("registrytoken"), shown to the registry as it is. */
    record RegistryToken(String token) implements Credentials {
        @Override
        public String toString() {
            return "RegistryToken[]";
        }
    }
}
