package dev.rafter.format.tar;

import dev.rafter.format.FileType;
import java.util.SortedMap;

/**
 * A member of an archive, without its contents.
 *
 * @param path as the archive has it, a byte string; not cleaned
 * @param type what it is; a hard link has the type of what it is a name of, {@link FileType#REGULAR} here
 * @param hardLink whether it is another name of the member or file {@code target}
 * @param target of a symbolic or hard link, a byte string; else ""
 * @param permissions low 12 bits of the mode
 * @param uid unsigned 32 bits
 * @param gid unsigned 32 bits
 * @param size of a regular file's contents, holes included; else 0
 * @param xattrs full name (byte string) to value
 */
public record TarEntry(
        String path,
        FileType type,
        boolean hardLink,
        String target,
        int permissions,
        long uid,
        long gid,
        long mtimeSeconds,
        int mtimeNanos,
        long size,
        int deviceMajor,
        int deviceMinor,
        SortedMap<String, byte[]> xattrs) {}
