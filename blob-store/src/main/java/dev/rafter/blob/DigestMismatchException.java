package dev.rafter.blob;

import java.io.IOException;
import java.util.HexFormat;

/** Decoded bytes of a chunk are not those that its digest names: the blob is corrupt where it came from, or its chunk map lies. */
public final class DigestMismatchException extends IOException {
    private final String blob;
    private final int chunk;
    private final long deviceOffset;
    private final byte[] expected;
    private final byte[] actual;

    /**
     * @param blob digest of the blob
     * @param chunk number of the chunk in the blob's chunk map
     * @param deviceOffset where the chunk begins in the device
     * @param source where the bytes came from
     */
    public DigestMismatchException(
            String blob, int chunk, long deviceOffset, byte[] expected, byte[] actual, String source) {
        super("chunk " + chunk + " of blob " + blob + " (device offset " + deviceOffset + ") from " + source
                + " has digest " + HexFormat.of().formatHex(actual) + ", not "
                + HexFormat.of().formatHex(expected));
        this.blob = blob;
        this.chunk = chunk;
        this.deviceOffset = deviceOffset;
        this.expected = expected.clone();
        this.actual = actual.clone();
    }

    public String blob() {
        return blob;
    }

    public int chunk() {
        return chunk;
    }

    public long deviceOffset() {
        return deviceOffset;
    }

    public byte[] expected() {
        return expected.clone();
    }

    public byte[] actual() {
        return actual.clone();
    }
}
