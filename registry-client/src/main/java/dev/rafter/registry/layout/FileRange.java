package dev.rafter.registry.layout;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.ReadableByteChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A range of a file, as a channel of its own: exactly that many bytes, then the end. For one thread. */
final class FileRange implements ReadableByteChannel {
    private final Path path;
    private final FileChannel file;
    private long position;
    private final long end;

    private FileRange(Path path, FileChannel file, long offset, long lengthBytes) {
        this.path = path;
        this.file = file;
        this.position = offset;
        this.end = offset + lengthBytes;
    }

    /** Opens the file anew: an interrupt closes a file channel, and must not close it for other readers. */
    static FileRange open(Path path, long offset, long lengthBytes) throws IOException {
        return new FileRange(path, FileChannel.open(path, StandardOpenOption.READ), offset, lengthBytes);
    }

    /** The whole file that is there now. */
    static FileRange open(Path path) throws IOException {
        FileChannel file = FileChannel.open(path, StandardOpenOption.READ);
        try {
            return new FileRange(path, file, 0, file.size());
        } catch (IOException e) {
            file.close();
            throw e;
        }
    }

    /** How many bytes are still to be read. */
    long remaining() {
        return end - position;
    }

    @Override
    public int read(ByteBuffer dst) throws IOException {
        if (position == end || !dst.hasRemaining()) {
            return position == end ? -1 : 0;
        }
        int limit = dst.limit();
        if (dst.remaining() > end - position) {
            dst.limit(dst.position() + (int) (end - position));
        }
        try {
            int count = file.read(dst, position);
            if (count < 0) {
                throw new EOFException(path + " ends at byte " + position + ", before byte " + end);
            }
            position += count;
            return count;
        } finally {
            dst.limit(limit);
        }
    }

    @Override
    public boolean isOpen() {
        return file.isOpen();
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
