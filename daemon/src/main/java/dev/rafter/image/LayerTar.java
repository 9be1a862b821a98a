package dev.rafter.image;

import dev.rafter.format.CorruptImageException;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** The few kinds of tar entries that bootstrap layers have: names of up to 100 bytes, sizes in octal or base 256 (POSIX.1, GNU). */
final class LayerTar {
    private static final int BLOCK_BYTES = 512;
    private static final int NAME_BYTES = 100;
    private static final int SIZE_OFFSET = 124;
    private static final int SIZE_BYTES = 12;
    private static final int TYPE_OFFSET = 156;

    private final InputStream tar;
    private final String resource;
    private long contentLeft;
    private int padding;

    LayerTar(InputStream tar, String resource) {
        this.tar = tar;
        this.resource = resource;
    }

    record Entry(String name, boolean isRegular, long size) {}

    /** The next entry; null at the end. */
    @Nullable
    Entry next() throws IOException {
        skip(contentLeft + padding);
        byte[] header = tar.readNBytes(BLOCK_BYTES);
        if (header.length == 0 || header[0] == 0) {
            return null;
        }
        if (header.length < BLOCK_BYTES) {
            throw corrupt("its tar is cut short", null);
        }
        char type = (char) header[TYPE_OFFSET];
        contentLeft = size(header);
        padding = (int) (-contentLeft & (BLOCK_BYTES - 1));
        String name = new String(header, 0, NAME_BYTES, StandardCharsets.ISO_8859_1);
        int end = name.indexOf(0);
        return new Entry(end < 0 ? name : name.substring(0, end), type == '0' || type == 0, contentLeft);
    }

    private void skip(long bytes) throws IOException {
        try {
            tar.skipNBytes(bytes);
        } catch (EOFException e) {
            throw corrupt("its tar is cut short", e);
        }
    }

    private long size(byte[] header) throws CorruptImageException {
        if ((header[SIZE_OFFSET] & 0x80) != 0) {
            long size = header[SIZE_OFFSET] & 0x7F;
            for (int i = 1; i < SIZE_BYTES; i++) {
                size = (size << 8) | (header[SIZE_OFFSET + i] & 0xFF);
            }
            return checked(size);
        }
        String octal = new String(header, SIZE_OFFSET, SIZE_BYTES, StandardCharsets.ISO_8859_1)
                .replace('\0', ' ')
                .strip();
        try {
            return checked(octal.isEmpty() ? 0 : Long.parseLong(octal, 8));
        } catch (NumberFormatException e) {
            throw corrupt("its tar has the size \"" + octal + "\"", e);
        }
    }

    private long checked(long size) throws CorruptImageException {
        if (size < 0 || size > (1L << 50)) {
            throw corrupt("its tar has an entry of " + size + " bytes", null);
        }
        return size;
    }

    /** The contents of the entry, as far as they are not read. */
    int read(byte[] target) throws IOException {
        if (contentLeft == 0) {
            return -1;
        }
        int count = tar.read(target, 0, (int) Math.min(target.length, contentLeft));
        if (count < 0) {
            throw corrupt("its tar is cut short", null);
        }
        contentLeft -= count;
        return count;
    }

    private CorruptImageException corrupt(String problem, @Nullable Throwable cause) {
        return new CorruptImageException(problem, resource, CorruptImageException.NO_OFFSET, cause);
    }
}
