package dev.rafter.image;

import dev.rafter.fetch.BlobSource;
import dev.rafter.format.CorruptImageException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.ReadableByteChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;

/** A blob that is a file. */
record FileBlob(Path file) implements BlobSource {
    @Override
    public String describe() {
        return "blob file " + file;
    }

    @Override
    public String host() {
        return "this node";
    }

    @Override
    public ReadableByteChannel open(long offset, long lengthBytes, Duration timeout) throws IOException {
        FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
        if (offset > channel.size() - lengthBytes) {
            channel.close();
            throw new CorruptImageException(
                    "ends before the bytes that the image names", describe(), offset + lengthBytes);
        }
        channel.position(offset);
        return new Bounded(channel, lengthBytes);
    }

    /** Ends after so many bytes. */
    private static final class Bounded implements ReadableByteChannel {
        private final FileChannel channel;
        private long remaining;

        Bounded(FileChannel channel, long remaining) {
            this.channel = channel;
            this.remaining = remaining;
        }

        @Override
        public int read(ByteBuffer target) throws IOException {
            if (remaining == 0) {
                return -1;
            }
            int limit = target.limit();
            target.limit((int) Math.min(limit, target.position() + remaining));
            try {
                int count = channel.read(target);
                remaining -= Math.max(count, 0);
                return count;
            } finally {
                target.limit(limit);
            }
        }

        @Override
        public boolean isOpen() {
            return channel.isOpen();
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }
}
