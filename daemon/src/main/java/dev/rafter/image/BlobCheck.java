package dev.rafter.image;

import dev.rafter.blob.ChunkMap;
import dev.rafter.oci.Digest;
import java.io.EOFException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.security.MessageDigest;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Reads one blob from its first to its last byte, once: its own digest, and that of every chunk that the image has in it. The caller's
 * thread reads; frames are decoded and verified on others, as many at a time as there is memory for.
 */
final class BlobCheck {
    private static final int PIECE_BYTES = 256 << 10;
    private static final int MEMORY_BYTES = 128 << 20;

    private final ImageDevice.Lazy device;
    private final ChunkMap chunks;
    private final ChunksOfFrames frames;
    private final Consumer<String> problems;
    private final ExecutorService threads;
    private final List<FrameCheck> checks = new ArrayList<>();
    private final BlockingQueue<FrameCheck> free;
    /** In the order of their frames, so that problems are told in that order. */
    private final Deque<Future<List<String>>> running = new ArrayDeque<>();

    private final MessageDigest whole;
    private final ByteBuffer piece = ByteBuffer.allocateDirect(PIECE_BYTES);
    private @Nullable FrameCheck current;
    private ByteBuffer frameBytes = ByteBuffer.allocate(0);
    private int nextPlace;
    private long position;

    private BlobCheck(ImageDevice.Lazy device, Consumer<String> problems, ExecutorService threads, int threadCount) {
        this.device = device;
        this.chunks = device.chunks();
        this.frames = new ChunksOfFrames(chunks);
        this.problems = problems;
        this.threads = threads;
        this.whole = device.blob().newMessageDigest();
        int count = Math.clamp(MEMORY_BYTES / largestFrame(), 2, 2 * threadCount);
        free = new ArrayBlockingQueue<>(count);
        for (int i = 0; i < count; i++) {
            checks.add(new FrameCheck(chunks, frames));
        }
        free.addAll(checks);
    }

    /** Bytes, stored and decoded. */
    private long largestFrame() {
        long largest = 1;
        for (int frame = 0; frame < chunks.frameCount(); frame++) {
            largest = Math.max(largest, (long) chunks.frameStoredSizeBytes(frame) + chunks.frameSizeBytes(frame));
        }
        return largest;
    }

    /**
     * @param problems takes what is wrong, as phrases, in this thread
     * @throws IOException if the blob cannot be read
     */
    static void check(ImageDevice.Lazy device, Consumer<String> problems) throws IOException {
        int threadCount = Runtime.getRuntime().availableProcessors();
        ExecutorService threads = Executors.newFixedThreadPool(
                threadCount,
                Thread.ofPlatform().name("rafter-check-", 0).daemon().factory());
        BlobCheck check = new BlobCheck(device, problems, threads, threadCount);
        try {
            check.run();
        } finally {
            threads.close();
            check.checks.forEach(FrameCheck::close);
        }
    }

    private void run() throws IOException {
        long sizeBytes = device.storedBytes();
        try (ReadableByteChannel blob = device.openWhole()) {
            while (position < sizeBytes) {
                piece.clear();
                if (blob.read(piece) < 0) {
                    throw new EOFException(
                            device.source().describe() + " ends at byte " + position + " of " + sizeBytes);
                }
                piece.flip();
                whole.update(piece.duplicate());
                takeFrames();
            }
        }
        tell(true);
        Digest found = Digest.ofHash(device.blob().algorithm(), whole.digest());
        if (!found.equals(device.blob())) {
            problems.accept("the blob's digest is " + found);
        }
        for (; nextPlace < frames.count(); nextPlace++) {
            problems.accept(frames.describe(frames.frame(nextPlace)) + " reach over the end of the blob");
        }
    }

    /** Takes what frames need from the piece, and leaves it behind. */
    private void takeFrames() throws IOException {
        long end = position + piece.remaining();
        while (nextPlace < frames.count() && chunks.frameOffset(frames.frame(nextPlace)) < end) {
            if (!take(frames.frame(nextPlace), end)) {
                break;
            }
            nextPlace++;
        }
        position = end;
    }

    /** Whether the frame is done with; if not, its next bytes are in the next piece. */
    private boolean take(int frame, long end) throws IOException {
        long start = chunks.frameOffset(frame);
        if (current == null) {
            if (start < position) {
                problems.accept(frames.describe(frame) + " lie within other chunks");
                return true;
            }
            current = freeCheck();
            frameBytes = current.begin(frame);
        }
        int from = Math.toIntExact(Math.max(start, position) - position);
        int count = (int) Math.min(frameBytes.remaining(), end - position - from);
        frameBytes.put(piece.slice(piece.position() + from, count));
        if (frameBytes.hasRemaining()) {
            return false;
        }
        submit(current);
        current = null;
        return true;
    }

    private FrameCheck freeCheck() throws IOException {
        tell(false);
        try {
            return free.take();
        } catch (InterruptedException e) {
            throw interrupted(e);
        }
    }

    private void submit(FrameCheck check) {
        running.add(threads.submit(() -> {
            try {
                return check.problems();
            } finally {
                free.add(check);
            }
        }));
    }

    /** Tells what was found in frames that are done. */
    private void tell(boolean waitForAll) throws IOException {
        while (!running.isEmpty() && (waitForAll || running.element().isDone())) {
            try {
                running.remove().get().forEach(problems);
            } catch (InterruptedException e) {
                throw interrupted(e);
            } catch (ExecutionException e) {
                throw new IllegalStateException(device.source().describe() + " cannot be checked", e.getCause());
            }
        }
    }

    private static IOException interrupted(InterruptedException e) {
        Thread.currentThread().interrupt();
        IOException failure = new InterruptedIOException("interrupted");
        failure.initCause(e);
        return failure;
    }
}
