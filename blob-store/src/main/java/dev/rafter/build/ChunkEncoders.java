package dev.rafter.build;

import dev.rafter.codec.Encoder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Queue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Encodes chunks on some threads and spools the results to one file, in whatever order they come. The buffers that chunks travel in are
 * bounded, so whoever reads layers waits when encoding is behind.
 */
final class ChunkEncoders implements AutoCloseable {
    private static final int BUFFERED_BYTES = 32 << 20;
    private static final int FEWEST_BUFFERS = 2;

    private final BuildOptions options;
    private final FileChannel spool;
    private final AtomicLong spoolEnd = new AtomicLong();
    private final ExecutorService threads;
    private final int mostBuffers;
    private final AtomicInteger madeBuffers = new AtomicInteger();
    /** Those that nobody has. */
    private final BlockingQueue<byte[]> buffers;

    private final AtomicReference<@Nullable IOException> failure = new AtomicReference<>();
    private final Queue<Worker> idle = new ConcurrentLinkedQueue<>();

    ChunkEncoders(BuildOptions options, Path spoolFile) throws IOException {
        this.options = options;
        spool = FileChannel.open(
                spoolFile,
                StandardOpenOption.CREATE_NEW,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE,
                StandardOpenOption.DELETE_ON_CLOSE);
        threads = Executors.newFixedThreadPool(
                options.threads(),
                Thread.ofPlatform().name("rafter-encode-", 0).daemon().factory());
        mostBuffers = Math.max(FEWEST_BUFFERS, BUFFERED_BYTES / options.chunkSizeBytes());
        buffers = new LinkedBlockingQueue<>();
    }

    private Worker newWorker() {
        return new Worker(
                options.newEncoder(),
                ByteBuffer.allocateDirect(options.chunkSizeBytes()),
                ByteBuffer.allocateDirect(options.chunkSizeBytes()));
    }

    private record Worker(Encoder encoder, ByteBuffer source, ByteBuffer target) {}

    /** A buffer for a chunk; to be given back, or given to {@link #encode}. */
    byte[] borrow(int sizeBytes) throws IOException {
        check();
        assert sizeBytes <= options.chunkSizeBytes();
        try {
            byte[] free = buffers.poll();
            if (free != null) {
                return free;
            }
            return madeBuffers.getAndUpdate(made -> Math.min(made + 1, mostBuffers)) < mostBuffers
                    ? new byte[options.chunkSizeBytes()]
                    : buffers.take();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    void giveBack(byte[] buffer) {
        buffers.add(buffer);
    }

    void encode(LayerChunk chunk, byte[] content) {
        threads.execute(() -> {
            try {
                encodeHere(chunk, content);
            } catch (IOException e) {
                failure.compareAndSet(null, e);
            } catch (RuntimeException | Error e) {
                failure.compareAndSet(null, new IOException("a chunk cannot be encoded: " + e, e));
            } finally {
                giveBack(content);
            }
        });
    }

    private void encodeHere(LayerChunk chunk, byte[] content) throws IOException {
        Worker taken = idle.poll();
        Worker here = taken == null ? newWorker() : taken;
        try {
            encode(chunk, content, here);
        } finally {
            idle.add(here);
        }
    }

    private void encode(LayerChunk chunk, byte[] content, Worker here) throws IOException {
        ByteBuffer source = here.source.clear().put(content, 0, chunk.size).flip();
        ByteBuffer target = here.target.clear();
        int stored = here.encoder.encode(source, target);
        ByteBuffer bytes = stored == Encoder.NOT_SMALLER ? source : target.flip();
        chunk.storedSize = bytes.remaining();
        long offset = spoolEnd.getAndAdd(bytes.remaining());
        for (long at = offset; bytes.hasRemaining(); ) {
            at += spool.write(bytes, at);
        }
        chunk.spoolOffset = offset;
    }

    /** Waits until everything is encoded. */
    void finish() throws IOException {
        threads.shutdown();
        try {
            while (!threads.awaitTermination(1, TimeUnit.SECONDS)) {
                check();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
        check();
    }

    private void check() throws IOException {
        IOException failed = failure.get();
        if (failed != null) {
            throw new IOException("encoding chunks failed: " + failed.getMessage(), failed);
        }
    }

    /** The encoded bytes of a chunk. */
    void read(LayerChunk chunk, ByteBuffer target) throws IOException {
        target.clear().limit(chunk.storedSize);
        while (target.hasRemaining()) {
            if (spool.read(target, chunk.spoolOffset + target.position()) < 0) {
                throw new IOException("the spool ends early");
            }
        }
        target.flip();
    }

    @Override
    public void close() throws IOException {
        threads.shutdownNow();
        threads.close();
        idle.forEach(worker -> worker.encoder.close());
        spool.close();
    }
}
