package dev.rafter.image;

import dev.rafter.blob.ChunkMap;
import dev.rafter.fetch.BlobSource;
import dev.rafter.oci.Digest;
import java.io.IOException;
import java.nio.channels.ReadableByteChannel;
import java.nio.file.Path;
import java.time.Duration;

/** What a device of an image is backed by. */
public sealed interface ImageDevice {
    /**
     * A blob that is fetched as it is read.
     *
     * @param storedBytes size of the blob
     */
    record Lazy(Digest blob, long storedBytes, ChunkMap chunks, BlobSource source) implements ImageDevice {
        private static final Duration SETUP = Duration.ofMinutes(1);
        private static final long SLOWEST_BYTES_PER_SECOND = 256 << 10;

        /** The whole blob as one stream, with as much time as a slow link takes. */
        ReadableByteChannel openWhole() throws IOException {
            return source.open(0, storedBytes, SETUP.plusSeconds(storedBytes / SLOWEST_BYTES_PER_SECOND));
        }
    }

    /** A file on this node that is the device itself. */
    record Raw(Path file) implements ImageDevice {}

    /** Bytes that cannot be had. */
    record Missing(String why) implements ImageDevice {}
}
