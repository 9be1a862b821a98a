package dev.rafter.snapshotter;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HexFormat;
import java.util.zip.CRC32C;

/**
 * One file of a {@link Journal}, to which lines are appended. A line that could not be written is wiped out again, and until that has
 * worked no other is taken. Not thread safe.
 */
final class JournalFile implements Closeable {
    static final byte[] HEADER = "rafter-state 1\n".getBytes(UTF_8);
    static final int CRC_DIGITS = 8;
    static final int MAX_LINE_BYTES = 4 << 20;
    /** What only lines that free space may fill. */
    static final int RESERVE_BYTES = 64 << 10;

    private static final int EXTENSION_BYTES = 4 * RESERVE_BYTES;
    private static final int PIECE_BYTES = 64 << 10;
    private static final int PAGE_BYTES = 4096;
    private static final long NO_DOUBT = 0;

    private final FileChannel channel;
    private final Steps steps;
    /** Here the lines end, and zeros begin. */
    private long endBytes;
    /** What is before this was on disk when the disk was last asked. */
    private long syncedBytes;
    /** Blocks of the disk are taken up to here. */
    private long allocatedBytes;
    /**
     * When the disk failed: between {@link #syncedBytes} and here it may have anything. The kernel calls a page clean that it could not
     * write, so that asking the disk again is not enough: all of it has to be written again.
     */
    private long doubtfulBytes = NO_DOUBT;

    private JournalFile(FileChannel channel, Steps steps, long endBytes, long allocatedBytes) {
        this.channel = channel;
        this.steps = steps;
        this.endBytes = endBytes;
        this.syncedBytes = endBytes;
        this.allocatedBytes = allocatedBytes;
    }

    /** Writes a new file; one that cannot be completed is deleted. */
    static JournalFile create(Path path, Iterable<String> lines, Steps steps) throws IOException {
        FileChannel channel = FileChannel.open(
                path,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE,
                StandardOpenOption.CREATE,
                StandardOpenOption.TRUNCATE_EXISTING);
        JournalFile made = new JournalFile(channel, steps, 0, 0);
        try {
            made.fill(lines);
            return made;
        } catch (IOException e) {
            channel.close();
            Files.deleteIfExists(path);
            throw e;
        }
    }

    private void fill(Iterable<String> lines) throws IOException {
        ByteBuffer piece = ByteBuffer.allocate(PIECE_BYTES).put(HEADER);
        for (String line : lines) {
            byte[] bytes = encode(line);
            if (bytes.length > piece.remaining()) {
                flush(piece);
            }
            if (bytes.length > piece.remaining()) {
                endBytes = writeAt(ByteBuffer.wrap(bytes), endBytes);
            } else {
                piece.put(bytes);
            }
        }
        flush(piece);
        allocatedBytes = endBytes;
        extend();
        syncedBytes = endBytes;
    }

    private void flush(ByteBuffer piece) throws IOException {
        endBytes = writeAt(piece.flip(), endBytes);
        piece.clear();
    }

    /**
     * Opens a file to append to it.
     *
     * @param endBytes where its lines end
     * @param leftoverBytes where there are only zeros from: what is in between is wiped out
     */
    static JournalFile open(Path path, long endBytes, long leftoverBytes, Steps steps) throws IOException {
        FileChannel channel = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
        JournalFile opened = new JournalFile(channel, steps, endBytes, channel.size());
        // The last lines, too, may not be on disk yet.
        opened.doubtfulBytes = Math.max(endBytes, leftoverBytes);
        return opened;
    }

    private static byte[] encode(String line) {
        byte[] text = line.getBytes(UTF_8);
        ByteBuffer bytes = ByteBuffer.allocate(CRC_DIGITS + 1 + text.length + 1);
        return bytes.put(crc(text, 0, text.length).getBytes(UTF_8))
                .put((byte) ' ')
                .put(text)
                .put((byte) '\n')
                .array();
    }

    static String crc(byte[] bytes, int offset, int length) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, offset, length);
        return HexFormat.of().toHexDigits((int) crc.getValue());
    }

    /** Appends a line, and waits until the disk has it if it is to be durable; if this fails, the line is not there. */
    void append(String line, boolean frees, boolean durable) throws IOException {
        byte[] bytes = encode(line);
        if (bytes.length > MAX_LINE_BYTES) {
            throw new IOException("a line has " + bytes.length + " bytes, at most " + MAX_LINE_BYTES + " are allowed");
        }
        makeRoom(bytes.length, frees);
        settle();
        try {
            if (durable && endBytes > syncedBytes) {
                // A note that a power cut has torn would be damage, once there is a line behind it.
                channel.force(false);
            }
            writeAt(ByteBuffer.wrap(bytes), endBytes);
            steps.after("line written");
            if (durable) {
                channel.force(false);
            }
        } catch (IOException e) {
            wipe(endBytes + bytes.length, e);
            throw e;
        }
        endBytes += bytes.length;
        if (durable) {
            syncedBytes = endBytes;
        }
    }

    private void wipe(long toBytes, IOException cause) {
        doubtfulBytes = Math.max(doubtfulBytes, toBytes);
        try {
            settle();
        } catch (IOException e) {
            // Tried again before the next line.
            cause.addSuppressed(e);
        }
    }

    /** Writes again, after a failure, what the disk may not have, and zeros behind it. */
    void settle() throws IOException {
        if (doubtfulBytes == NO_DOUBT) {
            return;
        }
        ByteBuffer piece = ByteBuffer.allocate(PIECE_BYTES);
        for (long at = syncedBytes / PAGE_BYTES * PAGE_BYTES; at < doubtfulBytes; at += PIECE_BYTES) {
            piece.clear().put(new byte[PIECE_BYTES]).flip();
            read(piece, at);
            writeAt(piece.limit((int) Math.min(PIECE_BYTES, doubtfulBytes - at)), at);
        }
        steps.after("doubts written over");
        channel.force(false);
        doubtfulBytes = NO_DOUBT;
        syncedBytes = endBytes;
    }

    /** Reads what lines there are from an offset on; the buffer stays as it is behind their end. */
    private void read(ByteBuffer piece, long offset) throws IOException {
        ByteBuffer lines = piece.slice(0, Math.clamp(endBytes - offset, 0, PIECE_BYTES));
        while (lines.hasRemaining()) {
            if (channel.read(lines, offset + lines.position()) < 0) {
                throw new IOException("the file was cut short");
            }
        }
    }

    private void makeRoom(int lengthBytes, boolean frees) throws IOException {
        try {
            while (endBytes + lengthBytes + RESERVE_BYTES > allocatedBytes) {
                extend();
            }
        } catch (IOException e) {
            doubtfulBytes = Math.max(doubtfulBytes, endBytes);
            if (!frees || endBytes + lengthBytes > allocatedBytes) {
                throw e;
            }
        }
    }

    private void extend() throws IOException {
        writeAt(ByteBuffer.allocate(EXTENSION_BYTES), allocatedBytes);
        channel.force(true);
        allocatedBytes += EXTENSION_BYTES;
    }

    private long writeAt(ByteBuffer bytes, long offset) throws IOException {
        long at = offset;
        while (bytes.hasRemaining()) {
            at += channel.write(bytes, at);
        }
        return at;
    }

    long sizeBytes() {
        return endBytes;
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
