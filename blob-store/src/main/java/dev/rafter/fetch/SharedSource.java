package dev.rafter.fetch;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * One blob in several places, each as good as the others. The one that answered last is asked first; one that fails is asked last from then
 * on. Each host gets a share of the time that is left, so that one which does not answer leaves the others some; several places on one
 * host are as slow as one. Thread safe.
 */
public final class SharedSource implements BlobSource {
    /** One host has at least half of the time: with less, a slow link could give nothing to any of many. */
    private static final int MOST_SHARES = 2;

    /** In the order of asking. */
    private final List<BlobSource> sources = new CopyOnWriteArrayList<>();

    public void add(BlobSource source) {
        sources.add(source);
    }

    /** Takes away one that was added, once. */
    public void remove(BlobSource source) {
        sources.remove(source);
    }

    @Override
    public String describe() {
        return sources.stream().findFirst().map(BlobSource::describe).orElse("a blob of no image");
    }

    @Override
    public String host() {
        return sources.stream().findFirst().map(BlobSource::host).orElse("");
    }

    @Override
    public ReadableByteChannel open(long offset, long lengthBytes, Duration timeout) throws IOException {
        long deadline = System.nanoTime() + timeout.toNanos();
        IOException failure = null;
        List<BlobSource> toAsk = new ArrayList<>(sources);
        while (!toAsk.isEmpty()) {
            long begin = System.nanoTime();
            if (deadline - begin <= 0) {
                break;
            }
            long share = (deadline - begin) / Math.min(MOST_SHARES, hosts(toAsk));
            BlobSource source = toAsk.removeFirst();
            try {
                ReadableByteChannel range = source.open(offset, lengthBytes, Duration.ofNanos(share));
                move(source, 0);
                return new Watched(source, range);
            } catch (IOException e) {
                failed(source);
                if (System.nanoTime() - begin >= share) {
                    toAsk.removeIf(other -> other.host().equals(source.host()));
                }
                if (failure == null) {
                    failure = e;
                } else {
                    failure.addSuppressed(e);
                }
            }
        }
        throw failure == null ? new IOException("no image that has the blob is mounted any more") : failure;
    }

    private static long hosts(List<BlobSource> sources) {
        return sources.stream().map(BlobSource::host).distinct().count();
    }

    private void failed(BlobSource source) {
        move(source, Integer.MAX_VALUE);
    }

    /** Changes nothing if it was taken away. */
    private synchronized void move(BlobSource source, int to) {
        int at = sources.indexOf(source);
        if (at >= 0 && at != Math.min(to, sources.size() - 1) && sources.remove(source)) {
            sources.add(Math.min(to, sources.size()), source);
        }
    }

    /** A range whose source is asked last if it breaks off. */
    private final class Watched implements ReadableByteChannel {
        private final BlobSource source;
        private final ReadableByteChannel range;

        Watched(BlobSource source, ReadableByteChannel range) {
            this.source = source;
            this.range = range;
        }

        @Override
        public int read(ByteBuffer target) throws IOException {
            try {
                return range.read(target);
            } catch (IOException e) {
                failed(source);
                throw e;
            }
        }

        @Override
        public boolean isOpen() {
            return range.isOpen();
        }

        @Override
        public void close() throws IOException {
            range.close();
        }
    }
}
