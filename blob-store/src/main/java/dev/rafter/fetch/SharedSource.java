package dev.rafter.fetch;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * One blob in several places, each as good as the others. The one that answered last is asked first; one that fails is asked last from then
 * on. Each gets a share of the time that is left, so that one which does not answer leaves the others some. Thread safe.
 */
public final class SharedSource implements BlobSource {
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
        List<BlobSource> asked = List.copyOf(sources);
        for (int i = 0; i < asked.size(); i++) {
            long left = deadline - System.nanoTime();
            if (left <= 0) {
                break;
            }
            BlobSource source = asked.get(i);
            try {
                ReadableByteChannel range =
                        source.open(offset, lengthBytes, Duration.ofNanos(left / (asked.size() - i)));
                move(source, 0);
                return new Watched(source, range);
            } catch (IOException e) {
                failed(source);
                if (failure == null) {
                    failure = e;
                } else {
                    failure.addSuppressed(e);
                }
            }
        }
        throw failure == null ? new IOException("no image that has the blob is mounted any more") : failure;
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
