package dev.rafter.format.erofs;

/** Whose rules an image follows: those of the kernel and mkfs.erofs, or the narrower and odder ones of RAFS v6. */
public enum Dialect {
    /** What mkfs.erofs writes and the kernel documents. */
    EROFS,
    /**
     * A bootstrap of RAFS v6: no superblock checksum, {@link ErofsLayout#COMPAT_RAFS_V6} set, a block count that says nothing, an extension behind the
     * superblock, and chunk indexes whose spare bits hold the number of the chunk within its blob.
     */
    RAFS_V6
}
