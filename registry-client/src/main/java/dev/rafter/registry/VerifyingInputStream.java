package dev.rafter.registry;

import dev.rafter.oci.Descriptor;
import dev.rafter.oci.Digest;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.security.MessageDigest;
import java.util.HexFormat;

/**
 * A blob as it is read: the read that gives the last byte fails if the bytes are not those of the descriptor, and so does the end if
 * it comes early.
 */
public final class VerifyingInputStream extends FilterInputStream {
    private final Descriptor descriptor;
    private final String where;
    private final MessageDigest hash;
    private long left;

    /**
     * @param where for messages: where the bytes come from
     */
    public VerifyingInputStream(InputStream in, Descriptor descriptor, String where) throws RegistryException {
        super(in);
        this.descriptor = descriptor;
        this.where = where;
        this.hash = descriptor.digest().newMessageDigest();
        this.left = descriptor.size();
        if (left == 0) {
            verify();
        }
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
        if (length == 0 || left == 0) {
            return length == 0 ? 0 : -1;
        }
        int count = in.read(bytes, offset, (int) Math.min(length, left));
        if (count < 0) {
            throw wrong("has only " + (descriptor.size() - left) + " of " + descriptor.size() + " bytes");
        }
        hash.update(bytes, offset, count);
        left -= count;
        if (left == 0) {
            verify();
        }
        return count;
    }

    @Override
    public long skip(long count) throws IOException {
        throw new IOException("a blob that is verified cannot be skipped through");
    }

    @Override
    public int available() throws IOException {
        return (int) Math.min(left, in.available());
    }

    @Override
    public boolean markSupported() {
        return false;
    }

    private void verify() throws RegistryException {
        byte[] actual = hash.digest();
        byte[] expected = HexFormat.of().parseHex(descriptor.digest().hex());
        if (!MessageDigest.isEqual(actual, expected)) {
            throw wrong("has other content: its digest is "
                    + Digest.ofHash(descriptor.digest().algorithm(), actual));
        }
    }

    private RegistryException wrong(String problem) {
        return new RegistryException(
                RegistryException.Reason.PROTOCOL,
                "blob " + descriptor.digest() + " of " + where + " " + problem,
                0,
                "",
                "",
                false,
                null);
    }
}
