package dev.rafter.oci;

import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The name of an image in a registry: {@code HOST[:PORT]/NAME[:TAG][@DIGEST]}, and Docker's short names, in which
 * {@code debian:12} is {@code docker.io/library/debian:12} (distribution specification 1.1; Docker's reference grammar):
 *
 * <pre>
 *   reference := [host "/"] name [":" tag] ["@" digest]      at most 255 bytes of name
 *   host      := domain [":" port] | "[" ipv6 "]" [":" port] the first part of the path is a host if it has a "." or ":",
 *                                                            or an upper-case letter, or is "localhost"
 *   name      := part ("/" part)*
 *   part      := [a-z0-9]+ (("." | "_" | "__" | "-"+) [a-z0-9]+)*
 *   tag       := [A-Za-z0-9_] [A-Za-z0-9._-]{0,127}
 * </pre>
 *
 * With a digest the tag says nothing more: the digest is what is asked for.
 *
 * @param host with the port, if one was given
 * @param repository the name without the host
 */
public record Reference(
        String host,
        String repository,
        @Nullable String tag,
        @Nullable Digest digest) {
    private static final String DOCKER_HUB = "docker.io";
    private static final int MAX_LENGTH = 4096;
    private static final int MAX_REPOSITORY_LENGTH = 255;
    private static final Pattern HOST = Pattern.compile(
            "(?:(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]{0,61}[A-Za-z0-9])(?:\\.(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]{0,61}[A-Za-z0-9]))*"
                    + "|\\[[0-9A-Fa-f:.]{2,45}])(?::([0-9]{1,5}))?");
    private static final Pattern PART = Pattern.compile("[a-z0-9]++(?:(?:\\.|__?|-++)[a-z0-9]++)*+");
    private static final Pattern TAG = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,127}");

    public Reference {
        requireHost(host);
        requireRepository(repository);
        if (tag != null && !TAG.matcher(tag).matches()) {
            throw new IllegalArgumentException(
                    "\"" + tag
                            + "\" is not a tag: up to 128 letters, digits, \"_\", \".\" and \"-\", not starting with \".\" or \"-\"");
        }
    }

    /**
     * @throws IllegalArgumentException that says what is wrong with it
     */
    public static Reference parse(String text) {
        try {
            return parseChecked(text);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "not an image reference: \"" + shortened(text) + "\": " + e.getMessage(), e);
        }
    }

    private static Reference parseChecked(String text) {
        if (text.isEmpty() || text.length() > MAX_LENGTH) {
            throw new IllegalArgumentException(text.isEmpty() ? "it is empty" : "it is too long");
        }
        if (text.contains("://")) {
            throw new IllegalArgumentException("leave the scheme out: HOST[:PORT]/NAME[:TAG][@DIGEST]");
        }
        int at = text.indexOf('@');
        Digest digest = at < 0 ? null : Digest.parse(text.substring(at + 1));
        String rest = at < 0 ? text : text.substring(0, at);
        int colon = rest.indexOf(':', rest.lastIndexOf('/') + 1);
        String tag = colon < 0 ? null : rest.substring(colon + 1);
        String path = colon < 0 ? rest : rest.substring(0, colon);
        int slash = path.indexOf('/');
        String first = slash < 0 ? "" : path.substring(0, slash);
        if (isHost(first)) {
            return named(first, path.substring(slash + 1), tag, digest);
        }
        return named(DOCKER_HUB, path, tag, digest);
    }

    private static Reference named(String host, String path, @Nullable String tag, @Nullable Digest digest) {
        boolean hub = host.equals(DOCKER_HUB) || host.equals("index.docker.io");
        String repository = hub && path.indexOf('/') < 0 ? "library/" + path : path;
        return new Reference(hub ? DOCKER_HUB : host, repository, tag, digest);
    }

    private static boolean isHost(String first) {
        return first.equals("localhost")
                || first.chars().anyMatch(c -> c == '.' || c == ':' || (c >= 'A' && c <= 'Z') || c == '[');
    }

    private static void requireHost(String host) {
        var match = HOST.matcher(host);
        if (!match.matches() || (match.group(1) != null && Integer.parseInt(match.group(1)) > 65535)) {
            throw new IllegalArgumentException("\"" + host + "\" is not a HOST[:PORT]");
        }
    }

    private static void requireRepository(String repository) {
        if (repository.length() > MAX_REPOSITORY_LENGTH) {
            throw new IllegalArgumentException("the name has more than " + MAX_REPOSITORY_LENGTH + " characters");
        }
        for (String part : repository.split("/", -1)) {
            if (!PART.matcher(part).matches()) {
                throw new IllegalArgumentException("\"" + part + "\" in the name \"" + repository
                        + "\" is not made of lower-case letters and digits joined by \".\", \"_\", \"__\" or \"-\"");
            }
        }
    }

    private static String shortened(String text) {
        return text.length() <= 300 ? text : text.substring(0, 300) + "…";
    }

    /** The tag that is meant: the one given, else "latest", else none because a digest was given. */
    public Optional<String> effectiveTag() {
        if (tag != null) {
            return Optional.of(tag);
        }
        return digest == null ? Optional.of("latest") : Optional.empty();
    }

    /** What a request for the manifest asks for: the digest if there is one, else the tag. */
    public String manifestName() {
        return digest != null ? digest.toString() : effectiveTag().orElseThrow();
    }

    /** The same repository, and this digest in it. */
    public Reference withDigest(Digest other) {
        return new Reference(host, repository, tag, other);
    }

    /** The same repository, and this tag in it. */
    public Reference withTag(String other) {
        return new Reference(host, repository, other, null);
    }

    /** The full form, with the tag that is meant. */
    @Override
    public String toString() {
        return host + "/" + repository + effectiveTag().map(t -> ":" + t).orElse("")
                + (digest == null ? "" : "@" + digest);
    }
}
