package dev.rafter.format.erofs;

/**
 * An extra device of an image, as its slot in the device table says.
 *
 * @param tag free text of at most 64 bytes, a byte string: a blob's digest or a file name
 * @param blocks size in blocks of the image
 * @param mappedBlock where the device begins in the address space of the image seen as one flat device; 0 if nowhere
 */
public record Device(String tag, long blocks, long mappedBlock) {}
