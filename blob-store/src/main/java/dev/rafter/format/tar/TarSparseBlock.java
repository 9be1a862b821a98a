package dev.rafter.format.tar;

import dev.rafter.format.CorruptImageException;
import java.util.List;

/** A block that continues the map of an old GNU sparse file: 21 runs, and whether one more block follows. It has no checksum. */
final class TarSparseBlock {
    private static final int RUNS = 21;
    private static final int RUN_SIZE = 24;
    private static final int NUMBER_SIZE = 12;
    private static final int CONTINUED_OFFSET = 504;

    private final byte[] bytes;
    private final String resource;
    private final long offset;

    TarSparseBlock(byte[] bytes, String resource, long offset) {
        this.bytes = bytes;
        this.resource = resource;
        this.offset = offset;
    }

    void addTo(List<Long> numbers) throws CorruptImageException {
        for (int i = 0; i < RUNS && bytes[i * RUN_SIZE] != 0; i++) {
            numbers.add(octal(i * RUN_SIZE));
            numbers.add(octal(i * RUN_SIZE + NUMBER_SIZE));
        }
    }

    boolean isContinued() {
        return bytes[CONTINUED_OFFSET] != 0;
    }

    private long octal(int at) throws CorruptImageException {
        long value = 0;
        for (int i = at; i < at + NUMBER_SIZE && bytes[i] != 0 && bytes[i] != ' '; i++) {
            if (bytes[i] < '0' || bytes[i] > '7') {
                throw new CorruptImageException("a sparse file's map is no list of numbers", resource, offset);
            }
            value = value * 8 + bytes[i] - '0';
        }
        return value;
    }
}
