package dev.rafter.format;

/** A name in a directory: a byte string without "/" and NUL, of 1 to 255 bytes, never "." or "..". */
public record DirectoryEntry(String name, long inodeNumber, FileType type) {}
