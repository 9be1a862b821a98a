package dev.rafter.snapshotter;

import static dev.rafter.snapshotter.JournalFile.CRC_DIGITS;
import static dev.rafter.snapshotter.JournalFile.HEADER;
import static dev.rafter.snapshotter.JournalFile.MAX_LINE_BYTES;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** Reads a {@link Journal} once, from its beginning to its end, in the memory of one line. */
final class JournalReader {
    private static final int PIECE_BYTES = 64 << 10;
    private static final String ANY_HEADER = "rafter-state [0-9]+\n";

    private final Path file;
    private final Lines sink;
    private byte[] line = new byte[PIECE_BYTES];
    private int lineBytes;
    private boolean tooLong;
    private boolean headerSeen;
    private int lines;
    private int unread;
    private int damaged;
    private long offset;
    private long endBytes;
    private long leftoverBytes;

    /** Who is told the lines, in order. */
    @FunctionalInterface
    interface Lines {
        void line(String text) throws IOException;
    }

    /**
     * What was found.
     *
     * @param exists whether there is a file
     * @param lines how many could be read
     * @param damaged lines in the middle that could not be read and are lost
     * @param clean whether the file ends as it should
     * @param endBytes where the last line that could be read ends; 0 if there is nothing that could be appended to
     * @param leftoverBytes from where on there are only zeros
     */
    record Contents(boolean exists, int lines, int damaged, boolean clean, long endBytes, long leftoverBytes) {}

    private JournalReader(Path file, Lines sink) {
        this.file = file;
        this.sink = sink;
    }

    /**
     * Reads what is there; a file that is not there is empty and not clean.
     *
     * @throws IOException if it cannot be read, or is of another version of Rafter
     */
    static Contents read(Path file, Lines sink) throws IOException {
        if (!Files.exists(file)) {
            return new Contents(false, 0, 0, false, 0, 0);
        }
        JournalReader reader = new JournalReader(file, sink);
        try (InputStream in = Files.newInputStream(file)) {
            byte[] piece = new byte[PIECE_BYTES];
            for (int n = in.read(piece); n >= 0; n = in.read(piece)) {
                reader.take(piece, n);
            }
        }
        return reader.contents();
    }

    private void take(byte[] piece, int pieceBytes) throws IOException {
        int start = 0;
        for (int i = 0; i < pieceBytes; i++) {
            if (piece[i] == '\n') {
                hold(piece, start, i + 1);
                start = i + 1;
                endLine(offset + start);
                lineBytes = 0;
                tooLong = false;
            }
        }
        hold(piece, start, pieceBytes);
        int last = pieceBytes;
        while (last > 0 && piece[last - 1] == 0) {
            last--;
        }
        leftoverBytes = last > 0 ? offset + last : leftoverBytes;
        offset += pieceBytes;
    }

    private void hold(byte[] piece, int from, int to) {
        int length = to - from;
        tooLong |= lineBytes + length > MAX_LINE_BYTES;
        if (!tooLong) {
            if (lineBytes + length > line.length) {
                line = Arrays.copyOf(line, Math.max(2 * line.length, lineBytes + length));
            }
            System.arraycopy(piece, from, line, lineBytes, length);
            lineBytes += length;
        }
    }

    private void endLine(long lineEnd) throws IOException {
        if (!headerSeen) {
            header();
            headerSeen = true;
        } else if (tooLong || !isIntact()) {
            unread++;
        } else {
            damaged += unread;
            unread = 0;
            lines++;
            endBytes = lineEnd;
            int text = CRC_DIGITS + 1;
            sink.line(new String(line, text, lineBytes - 1 - text, UTF_8));
        }
    }

    private void header() throws IOException {
        if (Arrays.equals(line, 0, lineBytes, HEADER, 0, HEADER.length)) {
            endBytes = HEADER.length;
        } else if (new String(line, 0, Math.min(lineBytes, 64), US_ASCII).matches(ANY_HEADER)) {
            throw new IOException(file + " was written by another version of Rafter, which has to be used with it");
        } else {
            damaged++;
        }
    }

    private boolean isIntact() {
        int text = CRC_DIGITS + 1;
        return lineBytes > text
                && new String(line, 0, text, US_ASCII).equals(JournalFile.crc(line, text, lineBytes - 1 - text) + " ");
    }

    private Contents contents() {
        int lost = headerSeen ? damaged : 1;
        boolean clean = lost == 0 && unread == 0 && leftoverBytes <= endBytes;
        return new Contents(true, lines, lost, clean, endBytes, leftoverBytes);
    }
}
