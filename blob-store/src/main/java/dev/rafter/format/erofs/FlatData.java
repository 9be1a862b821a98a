package dev.rafter.format.erofs;

import dev.rafter.format.CorruptImageException;
import dev.rafter.format.ImageBytes;
import dev.rafter.format.ImageException;
import dev.rafter.format.UnsupportedImageException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/**
 * The data of an inode that the image itself holds, uncompressed: whole blocks in a row, and perhaps a tail behind the inode. So
 * are stored directories, link targets, and whatever else a reader needs before it has any device.
 *
 * @param inode whose data these are
 * @param blocksOffset byte offset of the whole blocks
 * @param blocksLength bytes in them
 * @param tailOffset byte offset of the rest
 */
record FlatData(
        ImageBytes image, StoredInode inode, int blockSize, long blocksOffset, long blocksLength, long tailOffset) {

    /** Locates the data and checks that all of them are there. */
    static FlatData of(ImageBytes image, Superblock superblock, StoredInode inode) throws ImageException {
        int blockSize = superblock.blockSize();
        return switch (inode.layout()) {
            case DataLayout.Plain(long startBlock) ->
                checked(image, superblock, inode, startBlock, inode.size(), inode.offset());
            case DataLayout.Inline(long startBlock, long tailOffset) ->
                checked(image, superblock, inode, startBlock, inode.size() & -(long) blockSize, tailOffset);
            case DataLayout.Compressed(int layout, long headerOffset) ->
                throw compressed(image, inode, layout, headerOffset);
            case DataLayout.Chunked _, DataLayout.None _ ->
                throw image.corrupt(
                        inode.name() + ": a " + inode.type() + " with an unfit data layout", inode.offset());
        };
    }

    static UnsupportedImageException compressed(ImageBytes image, StoredInode inode, int layout, long offset) {
        return image.unsupported(inode.name() + " is compressed (data layout " + layout + ")", offset);
    }

    private static FlatData checked(
            ImageBytes image, Superblock superblock, StoredInode inode, long startBlock, long length, long tailOffset)
            throws CorruptImageException {
        if (startBlock == DataLayout.HOLE && length > 0) {
            throw image.corrupt(inode.name() + ": a " + inode.type() + " that is a hole", inode.offset());
        }
        long offset = length == 0 ? 0 : startBlock << superblock.blockBits();
        image.check(offset, length, "the data of " + inode.name());
        return new FlatData(image, inode, superblock.blockSize(), offset, length, tailOffset);
    }

    /** Number of blocks, the last of which may be short. */
    int blockCount() {
        return (int) ((inode.size() + blockSize - 1) / blockSize);
    }

    int blockLength(int block) {
        return (int) Math.min(blockSize, inode.size() - (long) block * blockSize);
    }

    /** Byte offset in the image of a block of the data. */
    long blockOffset(int block) {
        long position = (long) block * blockSize;
        return position < blocksLength ? blocksOffset + position : tailOffset;
    }

    /** All of it: for data whose size was bounded. */
    byte[] bytes() throws CorruptImageException {
        byte[] all = new byte[Math.toIntExact(inode.size())];
        int whole = (int) blocksLength;
        copy(blocksOffset, whole, all, 0);
        copy(tailOffset, all.length - whole, all, whole);
        return all;
    }

    private void copy(long offset, int length, byte[] to, int at) throws CorruptImageException {
        if (length > 0) {
            MemorySegment from = image.slice(offset, length, "the data of " + inode.name());
            MemorySegment.copy(from, ValueLayout.JAVA_BYTE, 0, to, at, length);
        }
    }

    /** A link's target, a byte string. */
    static String target(ImageBytes image, Superblock superblock, StoredInode link) throws ImageException {
        if (link.size() == 0 || link.size() > ErofsLayout.MAX_TARGET) {
            throw image.corrupt(link.name() + ": a symbolic link's target of " + link.size() + " bytes", link.offset());
        }
        String target = new String(of(image, superblock, link).bytes(), StandardCharsets.ISO_8859_1);
        if (target.indexOf('\0') >= 0) {
            throw image.corrupt(link.name() + ": a NUL in a symbolic link's target", link.offset());
        }
        return target;
    }
}
