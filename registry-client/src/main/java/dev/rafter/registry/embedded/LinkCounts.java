package dev.rafter.registry.embedded;

/**
 * What a link has carried since it was made or reset.
 *
 * @param connections that were accepted
 * @param requests HTTP requests seen on their way to the registry
 * @param manifestBytes bytes that came back for manifests
 * @param blobBytes bytes that came back for blobs
 * @param otherBytes bytes that came back for all else
 */
public record LinkCounts(long connections, long requests, long manifestBytes, long blobBytes, long otherBytes) {
    /** All bytes that came back. */
    public long bytes() {
        return manifestBytes + blobBytes + otherBytes;
    }
}
