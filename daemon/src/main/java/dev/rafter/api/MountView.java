package dev.rafter.api;

import java.util.List;

/**
 * A mount as it is shown.
 *
 * @param digest of the image's manifest, or of the file
 * @param state "lazy" while blobs have holes, "complete" when all is on disk, "failed" if it could not be taken over
 * @param problem why it failed, or the last failure of a read; "" if there is none
 */
public record MountView(String directory, String image, String digest, String state, String problem, List<Blob> blobs) {

    /**
     * One device of a mount.
     *
     * @param chunks how many it has
     * @param readyChunks how many of them are verified and on disk
     */
    public record Blob(String digest, long sizeBytes, int chunks, int readyChunks) {}
}
