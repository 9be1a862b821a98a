package dev.rafter.format.tar;

import dev.rafter.format.FileType;
import java.util.SortedMap;

/**
 * What an archive says about one file.
 *
 * @param name path as it is written, a byte string; neither cleaned nor checked
 * @param type of the file; of a hard link REGULAR
 * @param hardLink whether this is one more name of the file {@code target}; all else then says nothing
 * @param permissions the low 12 bits of the mode
 * @param uid unsigned 32 bits
 * @param gid unsigned 32 bits
 * @param size bytes of a regular file's contents, holes included; else 0
 * @param mtimeSeconds may be negative
 * @param mtimeNanos 0 to 999,999,999
 * @param target of a symbolic or hard link, a byte string; else ""
 * @param deviceMajor of a device node, else 0
 * @param deviceMinor of a device node, else 0
 * @param xattrs full names (byte strings) to values
 */
public record TarEntry(
        String name,
        FileType type,
        boolean hardLink,
        int permissions,
        long uid,
        long gid,
        long size,
        long mtimeSeconds,
        int mtimeNanos,
        String target,
        int deviceMajor,
        int deviceMinor,
        SortedMap<String, byte[]> xattrs) {

    /** Whether contents belong to it. */
    public boolean hasContents() {
        return type == FileType.REGULAR && !hardLink;
    }
}
