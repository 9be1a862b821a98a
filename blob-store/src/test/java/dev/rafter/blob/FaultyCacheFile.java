package dev.rafter.blob;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;

/** A cache file whose disk misbehaves when told. */
final class FaultyCacheFile implements CacheFile {
    private final CacheFile file;
    private final Faults faults;

    /** May wait. */
    interface Waiting {
        void run() throws InterruptedException;
    }

    /** What goes wrong, for all files of one opener. */
    static final class Faults implements Opener {
        volatile boolean full;
        volatile boolean syncFails;
        volatile Waiting beforeSync = () -> {};
        volatile int maxWriteBytes = Integer.MAX_VALUE;
        final AtomicInteger opened = new AtomicInteger();
        final AtomicInteger syncs = new AtomicInteger();

        @Override
        public CacheFile open(Path path) throws IOException {
            opened.incrementAndGet();
            return new FaultyCacheFile(FileChannelCacheFile.open(path), this);
        }
    }

    private FaultyCacheFile(CacheFile file, Faults faults) {
        this.file = file;
        this.faults = faults;
    }

    @Override
    public int write(ByteBuffer source, long offset) throws IOException {
        int n = Math.min(source.remaining(), faults.maxWriteBytes);
        int written = file.write(source.slice(source.position(), n), offset);
        source.position(source.position() + written);
        if (faults.full) {
            throw new IOException("No space left on device");
        }
        return written;
    }

    @Override
    public int read(ByteBuffer target, long offset) throws IOException {
        return file.read(target, offset);
    }

    @Override
    public long sizeBytes() throws IOException {
        return file.sizeBytes();
    }

    @Override
    public void grow(long sizeBytes) throws IOException {
        file.grow(sizeBytes);
    }

    @Override
    public void sync() throws IOException {
        try {
            faults.beforeSync.run();
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
        if (faults.syncFails) {
            throw new IOException("Input/output error");
        }
        faults.syncs.incrementAndGet();
        file.sync();
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
