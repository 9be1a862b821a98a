package dev.rafter.linux;

import static dev.rafter.linux.KernelException.check;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A {@link FileChannel} over a descriptor that Java did not open: one that must have been opened before something else happened, or
 * that came from another process. Reads, writes, size, truncation and force; no mapping, no locks. Thread safe. An interrupt does not
 * close it. Closing the channel runs an action instead of closing the descriptor, since others may need that.
 */
public final class FdChannel extends FileChannel {
    private static final int COPY_SIZE_BYTES = 64 * 1024;

    private final Fd fd;
    private final Runnable onClose;
    private final ReentrantLock positionLock = new ReentrantLock();
    private long position;

    public FdChannel(Fd fd, Runnable onClose) {
        this.fd = fd;
        this.onClose = onClose;
    }

    /** The descriptor, which lives as long as the channel is open. */
    public Fd fd() {
        return fd;
    }

    @Override
    public int read(ByteBuffer target, long offset) throws IOException {
        int wanted = target.remaining();
        if (wanted == 0) {
            return 0;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = target.isDirect() ? MemorySegment.ofBuffer(target) : arena.allocate(wanted);
            long count = check(Syscall.pread(new CallState(arena), openNumber(), memory, offset), "pread", fd);
            if (!target.isDirect()) {
                MemorySegment.ofBuffer(target).asSlice(0, count).copyFrom(memory.asSlice(0, count));
            }
            target.position(target.position() + (int) count);
            return count == 0 ? -1 : (int) count;
        }
    }

    @Override
    public int write(ByteBuffer source, long offset) throws IOException {
        if (!source.hasRemaining()) {
            return 0;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = source.isDirect() ? MemorySegment.ofBuffer(source) : copy(source, arena);
            long count = check(Syscall.pwrite(new CallState(arena), openNumber(), memory, offset), "pwrite", fd);
            source.position(source.position() + (int) count);
            return (int) count;
        }
    }

    private static MemorySegment copy(ByteBuffer source, Arena arena) {
        return arena.allocate(source.remaining()).copyFrom(MemorySegment.ofBuffer(source));
    }

    @Override
    public int read(ByteBuffer target) throws IOException {
        positionLock.lock();
        try {
            int count = read(target, position);
            position += Math.max(count, 0);
            return count;
        } finally {
            positionLock.unlock();
        }
    }

    @Override
    public int write(ByteBuffer source) throws IOException {
        positionLock.lock();
        try {
            int count = write(source, position);
            position += count;
            return count;
        } finally {
            positionLock.unlock();
        }
    }

    @Override
    public long read(ByteBuffer[] targets, int offset, int length) throws IOException {
        long total = 0;
        for (int i = offset; i < offset + length; i++) {
            int wanted = targets[i].remaining();
            int count = read(targets[i]);
            total += Math.max(count, 0);
            if (count < wanted) {
                return total == 0 && count < 0 ? -1 : total;
            }
        }
        return total;
    }

    @Override
    public long write(ByteBuffer[] sources, int offset, int length) throws IOException {
        long total = 0;
        for (int i = offset; i < offset + length; i++) {
            int wanted = sources[i].remaining();
            int count = write(sources[i]);
            total += count;
            if (count < wanted) {
                return total;
            }
        }
        return total;
    }

    @Override
    public long position() throws IOException {
        positionLock.lock();
        try {
            return position;
        } finally {
            positionLock.unlock();
        }
    }

    @Override
    public FileChannel position(long newPosition) throws IOException {
        positionLock.lock();
        try {
            position = newPosition;
            return this;
        } finally {
            positionLock.unlock();
        }
    }

    @Override
    public long size() throws IOException {
        openNumber();
        return fd.size();
    }

    @Override
    public FileChannel truncate(long sizeBytes) throws IOException {
        openNumber();
        if (sizeBytes < fd.size()) {
            fd.truncate(sizeBytes);
        }
        return this;
    }

    /** A virtual thread waits for the disk without holding its carrier. */
    @Override
    public void force(boolean metaData) throws IOException {
        openNumber();
        boolean _ = BlockingCall.run(() -> {
            if (metaData) {
                fd.sync();
            } else {
                fd.syncData();
            }
            return true;
        });
    }

    @Override
    public long transferTo(long offset, long count, WritableByteChannel target) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocateDirect((int) Math.min(count, COPY_SIZE_BYTES));
        long done = 0;
        while (done < count) {
            buffer.clear().limit((int) Math.min(count - done, buffer.capacity()));
            if (read(buffer, offset + done) < 0) {
                return done;
            }
            buffer.flip();
            int written = target.write(buffer);
            done += written;
            if (buffer.hasRemaining()) {
                return done;
            }
        }
        return done;
    }

    @Override
    public long transferFrom(ReadableByteChannel source, long offset, long count) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocateDirect((int) Math.min(count, COPY_SIZE_BYTES));
        long done = 0;
        while (done < count) {
            buffer.clear().limit((int) Math.min(count - done, buffer.capacity()));
            if (source.read(buffer) <= 0) {
                return done;
            }
            buffer.flip();
            while (buffer.hasRemaining()) {
                done += write(buffer, offset + done);
            }
        }
        return done;
    }

    @Override
    public MappedByteBuffer map(MapMode mode, long offset, long size) {
        throw new UnsupportedOperationException(
                "a file that may be under a mount of ours is not mapped: see dev.rafter.linux");
    }

    @Override
    public FileLock lock(long offset, long size, boolean shared) {
        throw new UnsupportedOperationException("lock the file through Fd.tryLock");
    }

    @Override
    public FileLock tryLock(long offset, long size, boolean shared) {
        throw new UnsupportedOperationException("lock the file through Fd.tryLock");
    }

    @Override
    protected void implCloseChannel() {
        onClose.run();
    }

    private int openNumber() throws ClosedChannelException {
        if (!isOpen()) {
            throw new ClosedChannelException();
        }
        return fd.number();
    }
}
