package dev.rafter;

import dev.rafter.blob.CacheFile;
import dev.rafter.linux.Fd;
import dev.rafter.linux.FdChannel;
import java.io.IOException;
import java.nio.ByteBuffer;

/** A cache file on a descriptor of ours: it is opened before the file is guarded, so what goes through it raises no events. */
final class FdCacheFile implements CacheFile {
    private final Fd fd;
    private final FdChannel channel;
    private final Runnable onClose;

    /**
     * @param onClose is run when it is closed
     */
    FdCacheFile(Fd fd, Runnable onClose) {
        this.fd = fd;
        this.onClose = onClose;
        channel = new FdChannel(fd, () -> {});
    }

    @Override
    public int write(ByteBuffer source, long offset) throws IOException {
        return channel.write(source, offset);
    }

    @Override
    public int read(ByteBuffer target, long offset) throws IOException {
        return channel.read(target, offset);
    }

    @Override
    public long sizeBytes() throws IOException {
        return fd.size();
    }

    @Override
    public void grow(long sizeBytes) throws IOException {
        fd.truncate(sizeBytes);
    }

    @Override
    public void sync() throws IOException {
        channel.force(false);
    }

    @Override
    public void close() throws IOException {
        onClose.run();
        channel.close();
        fd.close();
    }
}
