package dev.rafter.format;

import java.util.SortedMap;

/**
 * An inode as a plain value: everything about a file but its name, its contents and its children.
 *
 * @param number identity within the image: two names with the same number are hard links of one file
 * @param type what it is
 * @param permissions the low 12 bits of the mode: rwx, setuid, setgid, sticky
 * @param uid owner, unsigned 32 bits
 * @param gid group, unsigned 32 bits
 * @param size bytes of a regular file's contents or a link's target; of a directory what the format says, else 0
 * @param mtimeSeconds seconds since 1970, may be negative
 * @param mtimeNanos 0 to 999,999,999
 * @param links number of names
 * @param deviceMajor of a device node, else 0
 * @param deviceMinor of a device node, else 0
 * @param target of a symbolic link, a byte string; else ""
 * @param xattrs full name (byte string, as "user.key") to value, sorted by name
 */
public record Inode(
        long number,
        FileType type,
        int permissions,
        long uid,
        long gid,
        long size,
        long mtimeSeconds,
        int mtimeNanos,
        long links,
        int deviceMajor,
        int deviceMinor,
        String target,
        SortedMap<String, byte[]> xattrs) {

    /** {@code st_mode}: type and permissions. */
    public int mode() {
        return type.modeBits() | permissions;
    }
}
