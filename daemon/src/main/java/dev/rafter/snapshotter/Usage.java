package dev.rafter.snapshotter;

/**
 * Disk space that a snapshot takes by itself, without its parents.
 *
 * @param sizeBytes allocated bytes
 * @param inodes files, hard links counted once
 */
public record Usage(long sizeBytes, long inodes) {
    public static final Usage NONE = new Usage(0, 0);

    public Usage {
        if (sizeBytes < 0 || inodes < 0) {
            throw new IllegalArgumentException("negative usage: sizeBytes=" + sizeBytes + " inodes=" + inodes);
        }
    }
}
