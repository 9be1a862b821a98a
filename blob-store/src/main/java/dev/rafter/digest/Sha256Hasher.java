package dev.rafter.digest;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/** SHA-256 by the JDK, whose intrinsics nothing beats. */
final class Sha256Hasher implements Hasher {
    private final MessageDigest jdk;

    Sha256Hasher() {
        try {
            jdk = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }

    @Override
    public void update(ByteBuffer bytes) {
        jdk.update(bytes);
    }

    @Override
    public void update(byte[] bytes, int offset, int length) {
        jdk.update(bytes, offset, length);
    }

    @Override
    public byte[] digest() {
        return jdk.digest();
    }
}
