package dev.rafter.registry.auth;

import java.io.IOException;

/** Where credentials come from. Asked anew whenever a registry refuses: they may have been renewed meanwhile. Thread safe. */
public interface CredentialSource {
    /** No credentials for anybody. */
    CredentialSource NONE = new CredentialSource() {
        @Override
        public Credentials find(String host) {
            return new Credentials.Anonymous();
        }

        @Override
        public String describe() {
            return "this command's options";
        }
    };

    /**
     * @param host HOST[:PORT] as in references; "docker.io" for Docker Hub
     * @throws IOException if there is a source that cannot be read, or a helper that fails
     */
    Credentials find(String host) throws IOException;

    /** For messages: where it looked, as "/root/.docker/config.json". */
    String describe();
}
