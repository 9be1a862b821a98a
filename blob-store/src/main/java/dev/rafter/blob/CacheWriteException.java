package dev.rafter.blob;

import java.io.IOException;
import java.nio.file.Path;

/** A chunk cannot be written to its cache file: the disk is full or broken. Nothing was marked ready; a later try may succeed. */
public final class CacheWriteException extends IOException {
    CacheWriteException(Path file, long offset, int sizeBytes, IOException cause) {
        super(
                "cannot write " + sizeBytes + " bytes at " + offset + " to " + file + ": " + cause.getMessage()
                        + "; free space in the cache directory, reads are tried again by themselves",
                cause);
    }
}
