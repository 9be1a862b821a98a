package dev.rafter.format.erofs;

import dev.rafter.format.FileType;

/**
 * An inode as it is stored: the header taken apart, xattrs and data only located.
 *
 * @param nid its number
 * @param offset byte offset in the image
 * @param headerSize 32 or 64
 * @param xattrSize bytes of the xattr area behind the header
 * @param rdev encoded device number, 0 if not a device
 * @param dotOmitted a directory without a "." entry
 */
record StoredInode(
        long nid,
        long offset,
        int headerSize,
        int xattrSize,
        FileType type,
        int permissions,
        long uid,
        long gid,
        long size,
        long mtimeSeconds,
        int mtimeNanos,
        long links,
        long rdev,
        boolean dotOmitted,
        DataLayout layout) {

    long xattrOffset() {
        return offset + headerSize;
    }

    /** The kernel's new_encode_dev: major 12 bits, minor 20 bits. */
    int deviceMajor() {
        return (int) ((rdev >> 8) & 0xFFF);
    }

    int deviceMinor() {
        return (int) ((rdev & 0xFF) | ((rdev >> 12) & 0xFFF00));
    }

    /** How errors call it. */
    String name() {
        return "inode " + nid;
    }
}
