package dev.rafter.image;

import dev.rafter.blob.ChunkMap;
import dev.rafter.fetch.BlobSource;
import dev.rafter.oci.Digest;
import java.nio.file.Path;

/** What a device of an image is backed by. */
public sealed interface ImageDevice {
    /**
     * A blob that is fetched as it is read.
     *
     * @param storedBytes size of the blob
     */
    record Lazy(Digest blob, long storedBytes, ChunkMap chunks, BlobSource source) implements ImageDevice {}

    /** A file on this node that is the device itself. */
    record Raw(Path file) implements ImageDevice {}

    /** Bytes that cannot be had. */
    record Missing(String why) implements ImageDevice {}
}
