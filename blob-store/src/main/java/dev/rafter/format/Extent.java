package dev.rafter.format;

/**
 * A run of a regular file's bytes and where they lie: byte range {@code [fileOffset, fileOffset + length)} of the file is byte
 * range {@code [deviceOffset, deviceOffset + length)} of a device.
 *
 * @param device 0 is the image itself, 1 and up its extra devices in table order, {@link #HOLE} zeros that lie nowhere
 */
public record Extent(long fileOffset, long length, int device, long deviceOffset) {
    public static final int HOLE = -1;

    public boolean isHole() {
        return device == HOLE;
    }
}
