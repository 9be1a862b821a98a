package dev.rafter.registry.auth;

import com.fasterxml.jackson.databind.JsonNode;
import dev.rafter.oci.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Docker's {@code config.json}: {@code credHelpers} for single registries, {@code credsStore} for the rest, {@code auths} for what is
 * in the file itself. Read anew each time, since {@code docker login} and orchestrators change it under running containers.
 */
public final class DockerConfig implements CredentialSource {
    /** Under which names Docker Hub's credentials are kept, the usual first. */
    private static final List<String> HUB_KEYS =
            List.of("https://index.docker.io/v1/", "docker.io", "index.docker.io", "registry-1.docker.io");

    private final Path file;
    private final CredentialHelper helper;

    public DockerConfig(Path file) {
        this(file, new CredentialHelper());
    }

    DockerConfig(Path file, CredentialHelper helper) {
        this.file = file;
        this.helper = helper;
    }

    /** The file where the docker command has it: {@code $DOCKER_CONFIG/config.json}, else {@code ~/.docker/config.json}. */
    public static DockerConfig ofUser(Map<String, String> environment) {
        String directory = environment.get("DOCKER_CONFIG");
        Path home = Path.of(environment.getOrDefault("HOME", System.getProperty("user.home", "/root")));
        return new DockerConfig(
                (directory == null || directory.isEmpty() ? home.resolve(".docker") : Path.of(directory))
                        .resolve("config.json"));
    }

    @Override
    public String describe() {
        return file.toString();
    }

    @Override
    public Credentials find(String host) throws IOException {
        JsonNode config;
        try {
            config = Json.tree(Files.readAllBytes(file), file.toString());
        } catch (NoSuchFileException e) {
            return new Credentials.Anonymous();
        }
        Credentials helped = fromHelpers(config, host);
        return helped instanceof Credentials.Anonymous ? fromAuths(config.path("auths"), host) : helped;
    }

    private Credentials fromHelpers(JsonNode config, String host) throws IOException {
        for (String key : keys(host)) {
            String name = config.path("credHelpers").path(key).asText("");
            if (!name.isEmpty()) {
                return helper.get(name, key);
            }
        }
        String store = config.path("credsStore").asText("");
        return store.isEmpty()
                ? new Credentials.Anonymous()
                : helper.get(store, keys(host).getFirst());
    }

    private Credentials fromAuths(JsonNode auths, String host) throws IOException {
        for (String key : keys(host)) {
            if (auths.has(key)) {
                return credentials(auths.path(key));
            }
        }
        for (Map.Entry<String, JsonNode> entry : auths.properties()) {
            if (keys(host).contains(hostOf(entry.getKey()))) {
                return credentials(entry.getValue());
            }
        }
        return new Credentials.Anonymous();
    }

    private Credentials credentials(JsonNode entry) throws IOException {
        String identity = entry.path("identitytoken").asText("");
        String registry = entry.path("registrytoken").asText("");
        if (!identity.isEmpty()) {
            return new Credentials.IdentityToken(identity);
        }
        if (!registry.isEmpty()) {
            return new Credentials.RegistryToken(registry);
        }
        String auth = entry.path("auth").asText("");
        if (!auth.isEmpty()) {
            return decoded(auth);
        }
        String user = entry.path("username").asText("");
        return user.isEmpty()
                ? new Credentials.Anonymous()
                : new Credentials.Basic(user, entry.path("password").asText(""));
    }

    private Credentials decoded(String auth) throws IOException {
        String pair;
        try {
            pair = new String(Base64.getDecoder().decode(auth.strip()), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            throw new IOException(file + ": an \"auth\" is not base64", e);
        }
        int colon = pair.indexOf(':');
        if (colon <= 0) {
            throw new IOException(file + ": an \"auth\" is not the base64 form of USER:PASSWORD");
        }
        // Docker pads what it stores with NUL bytes.
        return new Credentials.Basic(
                pair.substring(0, colon), pair.substring(colon + 1).replace("\0", ""));
    }

    private static List<String> keys(String host) {
        if (host.equals("docker.io")) {
            return HUB_KEYS;
        }
        List<String> keys = new ArrayList<>(List.of(host));
        if (host.endsWith(":443")) {
            keys.add(host.substring(0, host.length() - 4));
        } else if (host.indexOf(':') < 0) {
            keys.add(host + ":443");
        }
        return keys;
    }

    private static String hostOf(String key) {
        String rest = key.replaceFirst("^https?://", "");
        int slash = rest.indexOf('/');
        return (slash < 0 ? rest : rest.substring(0, slash)).toLowerCase(Locale.ROOT);
    }
}
