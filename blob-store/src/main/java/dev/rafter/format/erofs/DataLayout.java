package dev.rafter.format.erofs;

/** Where the data of an inode are, as its header says. */
sealed interface DataLayout {
    /** A start block of all ones: the whole file is a hole. */
    long HOLE = -1;

    /** Blocks in a row from {@code startBlock}, or {@link #HOLE}. */
    record Plain(long startBlock) implements DataLayout {}

    /**
     * Whole blocks in a row from {@code startBlock}, or {@link #HOLE}; what is over lies at byte {@code tailOffset} of the image.
     */
    record Inline(long startBlock, long tailOffset) implements DataLayout {}

    /**
     * An index per chunk.
     *
     * @param chunkBits log2 of the chunk size in bytes
     * @param indexes entries of eight bytes; else of four
     * @param wide addresses of 48 bits
     * @param tableOffset byte offset in the image of the first entry
     */
    record Chunked(int chunkBits, boolean indexes, boolean wide, long tableOffset) implements DataLayout {
        int entrySize() {
            return indexes ? ErofsLayout.Chunk.INDEX_SIZE : ErofsLayout.Chunk.MAP_SIZE;
        }
    }

    /** Compressed clusters: not read yet. The map header would begin at {@code headerOffset}. */
    record Compressed(int layout, long headerOffset) implements DataLayout {}

    /** No data: device nodes, pipes and sockets. */
    record None() implements DataLayout {}
}
