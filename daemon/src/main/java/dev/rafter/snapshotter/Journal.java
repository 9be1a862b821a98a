package dev.rafter.snapshotter;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * A file of lines, each of which is either wholly there or not at all, whenever the process or the machine stops.
 *
 * <pre>
 *   file  = header line* NUL*
 *   header = "rafter-state 1" LF
 *   line  = crc SP text LF        crc: CRC-32C of the text, 8 hexadecimal digits; text: UTF-8 without LF and NUL
 * </pre>
 *
 * The file is allocated ahead with zeros, so that appending changes no metadata, and so that lines that free space can be written when
 * the disk is full. A last line that is cut short was never acknowledged and is dropped. Not thread safe.
 */
final class Journal implements Closeable {
    /** What only lines that free space may fill. */
    static final int RESERVE_BYTES = 64 << 10;

    private static final int EXTENSION_BYTES = 4 * RESERVE_BYTES;
    private static final long MAX_BYTES = 1L << 30;
    private static final byte[] HEADER = "rafter-state 1\n".getBytes(UTF_8);
    private static final int CRC_DIGITS = 8;

    private final Path file;
    private final Steps steps;
    private FileChannel channel;
    private long endBytes;
    private long allocatedBytes;

    /**
     * What was found when the file was opened.
     *
     * @param damaged lines in the middle that could not be read and are lost
     * @param clean whether the file ends as it should and can be appended to as it is
     */
    record Contents(List<String> lines, int damaged, boolean clean) {}

    private Journal(Path file, Steps steps, FileChannel channel, long endBytes, long allocatedBytes) {
        this.file = file;
        this.steps = steps;
        this.channel = channel;
        this.endBytes = endBytes;
        this.allocatedBytes = allocatedBytes;
    }

    /** Reads what is there; a file that is not there is empty and not clean. */
    static Contents read(Path file) throws IOException {
        if (!Files.exists(file)) {
            return new Contents(List.of(), 0, false);
        }
        if (Files.size(file) > MAX_BYTES) {
            throw new IOException(file + " is larger than " + MAX_BYTES + " bytes: this is no state of ours");
        }
        return parse(Files.readAllBytes(file));
    }

    private static Contents parse(byte[] bytes) {
        List<String> lines = new ArrayList<>();
        int damaged = startsWithHeader(bytes) ? 0 : 1;
        int start = 0;
        int lineFeed = indexOf(bytes, '\n', 0);
        int unread = 0;
        while (lineFeed >= 0) {
            start = lineFeed + 1;
            lineFeed = indexOf(bytes, '\n', start);
            if (lineFeed >= 0 && !isIntact(bytes, start, lineFeed)) {
                unread++;
            } else if (lineFeed >= 0) {
                damaged += unread;
                unread = 0;
                lines.add(new String(bytes, start + CRC_DIGITS + 1, lineFeed - start - CRC_DIGITS - 1, UTF_8));
            }
        }
        boolean tail = start < bytes.length && bytes[start] != 0;
        return new Contents(lines, damaged, damaged == 0 && unread == 0 && !tail);
    }

    private static boolean startsWithHeader(byte[] bytes) {
        return bytes.length >= HEADER.length
                && java.util.Arrays.equals(bytes, 0, HEADER.length, HEADER, 0, HEADER.length);
    }

    private static int indexOf(byte[] bytes, char wanted, int from) {
        for (int i = from; i < bytes.length; i++) {
            if (bytes[i] == wanted) {
                return i;
            }
        }
        return -1;
    }

    private static boolean isIntact(byte[] bytes, int start, int end) {
        int text = start + CRC_DIGITS + 1;
        return text <= end && new String(bytes, start, text - start, UTF_8).equals(crc(bytes, text, end - text) + " ");
    }

    private static String crc(byte[] bytes, int offset, int length) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, offset, length);
        return HexFormat.of().toHexDigits((int) crc.getValue());
    }

    /** Opens a file that {@link #read} found to be clean, to append to it. */
    static Journal append(Path file, Contents contents, Steps steps) throws IOException {
        long end = HEADER.length;
        for (String line : contents.lines()) {
            end += encode(line).length;
        }
        FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE);
        return new Journal(file, steps, channel, end, channel.size());
    }

    /** Replaces the file, whatever it was, by one with these lines. */
    static Journal create(Path file, List<String> lines, Steps steps) throws IOException {
        Path next = file.resolveSibling(file.getFileName() + ".new");
        FileChannel channel = FileChannel.open(
                next, StandardOpenOption.WRITE, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING);
        byte[] bytes = encodeAll(lines);
        writeAt(channel, ByteBuffer.wrap(bytes), 0);
        Journal journal = new Journal(file, steps, channel, bytes.length, bytes.length);
        journal.extend();
        steps.after("journal rewritten");
        Files.move(next, file, StandardCopyOption.ATOMIC_MOVE);
        steps.after("journal renamed");
        syncFolder(file);
        return journal;
    }

    private static byte[] encodeAll(List<String> lines) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        all.writeBytes(HEADER);
        lines.forEach(line -> all.writeBytes(encode(line)));
        return all.toByteArray();
    }

    private static byte[] encode(String line) {
        byte[] text = line.getBytes(UTF_8);
        return (crc(text, 0, text.length) + " " + line + "\n").getBytes(UTF_8);
    }

    private static void syncFolder(Path file) throws IOException {
        Path folder = file.toAbsolutePath().getParent();
        if (folder != null) {
            try (FileChannel opened = FileChannel.open(folder, StandardOpenOption.READ)) {
                opened.force(true);
            }
        }
    }

    /**
     * Adds a line; when this returns, it is there for good.
     *
     * @param frees whether the line records that space becomes free: such a line can still be written on a full disk
     * @throws IOException if it could not be written; then it is not there
     */
    void add(String line, boolean frees) throws IOException {
        append(line, frees, true);
        steps.after("line durable");
    }

    /** Adds a line that survives the process, but the machine only when another line was added after it, or some time has passed. */
    void note(String line) throws IOException {
        append(line, false, false);
    }

    private void append(String line, boolean frees, boolean durable) throws IOException {
        byte[] bytes = encode(line);
        makeRoom(bytes.length, frees);
        try {
            writeAt(channel, ByteBuffer.wrap(bytes), endBytes);
            steps.after("line written");
            if (durable) {
                channel.force(false);
            }
        } catch (IOException e) {
            writeAt(channel, ByteBuffer.allocate(bytes.length), endBytes);
            throw new IOException("cannot write " + file + ": " + e.getMessage(), e);
        }
        endBytes += bytes.length;
    }

    private void makeRoom(int lengthBytes, boolean frees) throws IOException {
        try {
            while (endBytes + lengthBytes + RESERVE_BYTES > allocatedBytes) {
                extend();
            }
        } catch (IOException e) {
            if (!frees || endBytes + lengthBytes > allocatedBytes) {
                throw new IOException("cannot extend " + file + ": " + e.getMessage(), e);
            }
        }
    }

    private void extend() throws IOException {
        writeAt(channel, ByteBuffer.allocate(EXTENSION_BYTES), allocatedBytes);
        channel.force(true);
        allocatedBytes += EXTENSION_BYTES;
    }

    private static void writeAt(FileChannel channel, ByteBuffer bytes, long offset) throws IOException {
        long at = offset;
        while (bytes.hasRemaining()) {
            at += channel.write(bytes, at);
        }
    }

    /** Replaces all lines by these, which say the same in less space. */
    void rewrite(List<String> lines) throws IOException {
        Journal next = create(file, lines, steps);
        channel.close();
        channel = next.channel;
        endBytes = next.endBytes;
        allocatedBytes = next.allocatedBytes;
    }

    long sizeBytes() {
        return endBytes;
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
