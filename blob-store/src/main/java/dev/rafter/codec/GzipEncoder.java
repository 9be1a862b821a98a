package dev.rafter.codec;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.zip.CRC32;
import java.util.zip.Deflater;

/**
 * Compresses a stream to one gzip member (RFC 1952) on several threads, at zlib's usual level. It is cut into blocks, each of which is compressed with
 * the end of the one before as its dictionary, so nothing is lost by it; what comes out depends on what goes in alone. For one thread.
 */
public final class GzipEncoder extends OutputStream {
    private static final int BLOCK_BYTES = 256 << 10;
    private static final int DICTIONARY_BYTES = 32 << 10;
    /** Deflate, no name, no time, no operating system. */
    private static final byte[] HEADER = {0x1f, (byte) 0x8b, Deflater.DEFLATED, 0, 0, 0, 0, 0, 0, (byte) 0xff};

    private final OutputStream target;
    private final ExecutorService threads;
    private final int maxUnwritten;
    private final Deque<Future<byte[]>> unwritten = new ArrayDeque<>();
    private final CRC32 crc = new CRC32();
    private long sizeBytes;
    private byte[] dictionary = new byte[0];
    private byte[] block = new byte[BLOCK_BYTES];
    private int filled;

    /**
     * @param target gets the gzip stream; not closed
     */
    public GzipEncoder(OutputStream target, int threadCount) throws IOException {
        this.target = target;
        this.maxUnwritten = 2 * threadCount;
        threads = Executors.newFixedThreadPool(
                threadCount,
                Thread.ofPlatform().name("rafter-gzip-", 0).daemon().factory());
        target.write(HEADER);
    }

    @Override
    public void write(int b) throws IOException {
        write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
        crc.update(bytes, offset, length);
        sizeBytes += length;
        for (int done = 0; done < length; ) {
            if (filled == BLOCK_BYTES) {
                compressBlock(false);
            }
            int count = Math.min(length - done, BLOCK_BYTES - filled);
            System.arraycopy(bytes, offset + done, block, filled, count);
            filled += count;
            done += count;
        }
    }

    /** Has the block compressed, and begins the next one. */
    private void compressBlock(boolean isLast) throws IOException {
        byte[] content = block;
        byte[] before = dictionary;
        int length = filled;
        unwritten.add(threads.submit(() -> deflate(before, content, length, isLast)));
        dictionary = Arrays.copyOfRange(content, Math.max(0, length - DICTIONARY_BYTES), length);
        block = new byte[isLast ? 0 : BLOCK_BYTES];
        filled = 0;
        while (unwritten.size() > (isLast ? 0 : maxUnwritten)) {
            target.write(result(unwritten.remove()));
        }
    }

    private static byte[] deflate(byte[] dictionary, byte[] content, int length, boolean isLast) {
        try (Deflater deflater = new Deflater(Deflater.DEFAULT_COMPRESSION, true)) {
            deflater.setDictionary(dictionary);
            deflater.setInput(content, 0, length);
            if (isLast) {
                deflater.finish();
            }
            byte[] result = new byte[length + (length >> 10) + 64];
            int size = 0;
            while (true) {
                size += deflater.deflate(
                        result, size, result.length - size, isLast ? Deflater.NO_FLUSH : Deflater.SYNC_FLUSH);
                if (size < result.length) { // so it has no more to give
                    return Arrays.copyOf(result, size);
                }
                result = Arrays.copyOf(result, 2 * size);
            }
        }
    }

    private static byte[] result(Future<byte[]> block) throws IOException {
        try {
            return block.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw (IOException) new InterruptedIOException("interrupted").initCause(e);
        } catch (ExecutionException e) {
            throw new IOException("a block cannot be compressed", e.getCause());
        }
    }

    /** Writes what is left, and the trailer. Nothing can be written after it. */
    public void finish() throws IOException {
        compressBlock(true);
        target.write(ByteBuffer.allocate(2 * Integer.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt((int) crc.getValue())
                .putInt((int) sizeBytes)
                .array());
    }

    /** Ends the threads; what was not finished is no gzip stream. */
    @Override
    public void close() {
        threads.shutdownNow();
        threads.close();
    }
}
