package dev.rafter.mount;

import dev.rafter.fetch.BlobSource;
import java.io.IOException;
import java.nio.channels.ReadableByteChannel;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** One blob in the repositories of all images that are mounted and have it: each is as good as the others, the first is asked first. */
final class SharedSource implements BlobSource {
    private final List<BlobSource> sources = new CopyOnWriteArrayList<>();

    void add(BlobSource source) {
        sources.add(source);
    }

    void remove(BlobSource source) {
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
        for (BlobSource source : sources) {
            Duration remaining = Duration.ofNanos(deadline - System.nanoTime());
            if (remaining.isNegative()) {
                break;
            }
            try {
                return source.open(offset, lengthBytes, remaining);
            } catch (IOException e) {
                if (failure == null) {
                    failure = e;
                } else {
                    failure.addSuppressed(e);
                }
            }
        }
        throw failure == null ? new IOException("no image that has the blob is mounted any more") : failure;
    }
}
