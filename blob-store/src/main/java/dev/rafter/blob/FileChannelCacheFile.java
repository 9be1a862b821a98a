package dev.rafter.blob;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/**
 * A cache file on a {@code FileChannel}, for files that no kernel guards. A thread that is interrupted in the middle of a call closes
 * the channel for everybody (that is how {@code FileChannel} is made): threads that fill caches are never interrupted.
 */
public final class FileChannelCacheFile implements CacheFile {
    private final RandomAccessFile file;

    private FileChannelCacheFile(RandomAccessFile file) {
        this.file = file;
    }

    /** Opens for reading and writing; creates an empty file if there is none. */
    public static CacheFile open(Path path) throws IOException {
        return new FileChannelCacheFile(new RandomAccessFile(path.toFile(), "rw"));
    }

    @Override
    public int write(ByteBuffer source, long offset) throws IOException {
        return file.getChannel().write(source, offset);
    }

    @Override
    public int read(ByteBuffer target, long offset) throws IOException {
        return file.getChannel().read(target, offset);
    }

    @Override
    public long sizeBytes() throws IOException {
        return file.length();
    }

    @Override
    public void grow(long sizeBytes) throws IOException {
        if (sizeBytes < file.length()) {
            throw new IllegalArgumentException("sizeBytes=" + sizeBytes + " is less than length=" + file.length());
        }
        file.setLength(sizeBytes);
    }

    @Override
    public void sync() throws IOException {
        file.getChannel().force(false);
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
