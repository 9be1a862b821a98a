package dev.rafter.oci;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * A content digest: {@code sha256:…} or {@code sha512:…} (OCI image specification, descriptor.md). Other algorithms are refused:
 * nothing here could verify them.
 *
 * @param algorithm "sha256" or "sha512"
 * @param hex lower-case hexadecimal digits, 64 or 128
 */
public record Digest(String algorithm, String hex) implements Comparable<Digest> {
    private static final Pattern SYNTAX = Pattern.compile("sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}");

    public Digest {
        if (!SYNTAX.matcher(algorithm + ":" + hex).matches()) {
            throw new IllegalArgumentException("not a sha256 or sha512 digest: \"" + algorithm + ":" + hex + "\"");
        }
    }

    /**
     * @throws IllegalArgumentException if it is no digest, or one of another algorithm
     */
    @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
    public static Digest parse(String text) {
        int colon = text.indexOf(':');
        if (colon < 0) {
            throw new IllegalArgumentException("not a digest: \"" + text + "\"");
        }
        return new Digest(text.substring(0, colon), text.substring(colon + 1));
    }

    /** The SHA-256 digest of some bytes. */
    public static Digest sha256(byte[] bytes) {
        return ofHash("sha256", newMessageDigest("sha256").digest(bytes));
    }

    /** The digest with a hash that was computed by {@link #newMessageDigest()}. */
    public static Digest ofHash(String algorithm, byte[] hash) {
        return new Digest(algorithm, HexFormat.of().formatHex(hash));
    }

    /** A fresh SHA-256. */
    public static MessageDigest newSha256() {
        return newMessageDigest("sha256");
    }

    /** A fresh hash function of this digest's algorithm. */
    public MessageDigest newMessageDigest() {
        return newMessageDigest(algorithm);
    }

    private static MessageDigest newMessageDigest(String algorithm) {
        try {
            return MessageDigest.getInstance(algorithm.toUpperCase(Locale.ROOT).replace("SHA", "SHA-"));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public int compareTo(Digest other) {
        return toString().compareTo(other.toString());
    }

    @Override
    @JsonValue
    public String toString() {
        return algorithm + ":" + hex;
    }
}
