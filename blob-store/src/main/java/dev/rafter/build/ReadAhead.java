package dev.rafter.build;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.util.Objects;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import org.jspecify.annotations.Nullable;

/**
 * Reads a stream on a thread of its own, some blocks ahead of its reader: receiving, decompressing and digesting a layer go on while its
 * files are cut. What the stream throws, its reader gets behind the bytes before it. For one reader.
 */
final class ReadAhead extends InputStream {
    private static final int BLOCK_BYTES = 256 << 10;
    private static final int BLOCKS = 4;

    /**
     * What was read.
     *
     * @param end whether nothing comes behind it
     * @param failure that ended it
     */
    private record Block(
            byte[] bytes, int length, boolean end, @Nullable Throwable failure) {}

    private final InputStream in;
    private final BlockingQueue<byte[]> empty = new ArrayBlockingQueue<>(BLOCKS);
    private final BlockingQueue<Block> full = new ArrayBlockingQueue<>(BLOCKS);
    private final Thread thread;
    private Block current = new Block(new byte[0], 0, false, null);
    private int position;

    /** @param in closed with this */
    ReadAhead(InputStream in) {
        this.in = in;
        for (int i = 0; i < BLOCKS; i++) {
            empty.add(new byte[BLOCK_BYTES]);
        }
        thread = Thread.ofPlatform().name("rafter-read").daemon().start(this::readAll);
    }

    private void readAll() {
        try {
            boolean ended = false;
            while (!ended) {
                Block block = fill(empty.take());
                full.put(block);
                ended = block.end;
            }
        } catch (InterruptedException _) {
            // the reader closed this, and waits for nothing more
        }
    }

    private Block fill(byte[] bytes) {
        int length = 0;
        try {
            while (length < bytes.length) {
                int count = in.read(bytes, length, bytes.length - length);
                if (count < 0) {
                    return new Block(bytes, length, true, null);
                }
                length += count;
            }
            return new Block(bytes, length, false, null);
        } catch (IOException | RuntimeException | Error e) {
            return new Block(bytes, length, true, e);
        }
    }

    @Override
    public int read() throws IOException {
        return advance() ? current.bytes[position++] & 0xFF : -1;
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, target.length);
        if (length == 0) {
            return 0;
        }
        if (!advance()) {
            return -1;
        }
        int count = Math.min(length, current.length - position);
        System.arraycopy(current.bytes, position, target, offset, count);
        position += count;
        return count;
    }

    /** Goes on to the next block when this one is used up; false at the end. */
    private boolean advance() throws IOException {
        while (position == current.length) {
            if (current.end) {
                fail(current.failure);
                return false;
            }
            next();
        }
        return true;
    }

    private void next() throws IOException {
        try {
            if (current.bytes.length > 0) {
                empty.put(current.bytes);
            }
            current = full.take();
            position = 0;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw (IOException) new InterruptedIOException("interrupted").initCause(e);
        }
    }

    private static void fail(@Nullable Throwable failure) throws IOException {
        switch (failure) {
            case null -> {}
            case IOException e -> throw e;
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            default -> throw new AssertionError(failure);
        }
    }

    /** Ends the thread before what it reads from is closed. */
    @Override
    public void close() throws IOException {
        thread.interrupt();
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException _) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        in.close();
    }
}
