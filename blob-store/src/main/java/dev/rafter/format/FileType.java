package dev.rafter.format;

import java.util.Optional;

/** The types of files, with their bits in {@code st_mode} (inode(7)) and their number in EROFS directory entries. */
public enum FileType {
    REGULAR(0x8000, 1),
    DIRECTORY(0x4000, 2),
    CHARACTER_DEVICE(0x2000, 3),
    BLOCK_DEVICE(0x6000, 4),
    FIFO(0x1000, 5),
    SOCKET(0xC000, 6),
    SYMLINK(0xA000, 7);

    /** The type bits of a mode. */
    public static final int MODE_MASK = 0xF000;

    private final int modeBits;
    private final int direntType;

    FileType(int modeBits, int direntType) {
        this.modeBits = modeBits;
        this.direntType = direntType;
    }

    /** The type that a {@code st_mode} states; empty if its type bits are none of the seven. */
    public static Optional<FileType> ofMode(int mode) {
        for (FileType type : values()) {
            if (type.modeBits == (mode & MODE_MASK)) {
                return Optional.of(type);
            }
        }
        return Optional.empty();
    }

    public int modeBits() {
        return modeBits;
    }

    /** The {@code file_type} of an EROFS directory entry: 1 to 7. */
    public int direntType() {
        return direntType;
    }
}
