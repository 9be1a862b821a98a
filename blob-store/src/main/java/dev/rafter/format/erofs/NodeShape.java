package dev.rafter.format.erofs;

import dev.rafter.format.FileNode;
import dev.rafter.format.FileNode.Contents;
import dev.rafter.format.FileNode.Contents.Chunks;
import dev.rafter.format.FileNode.Contents.Inline;
import dev.rafter.format.FileType;
import dev.rafter.format.UnrepresentableFileException;
import dev.rafter.format.erofs.ErofsLayout.Chunk;
import dev.rafter.format.erofs.ErofsLayout.InodeHeader;

/**
 * What an inode takes in an image.
 *
 * @param headerSize 32 or 64
 * @param size what it states as its size
 * @param layout how its data are stored
 * @param dataBlocks blocks among the data
 * @param tail bytes behind the inode
 * @param indexSize bytes of its chunk index
 */
record NodeShape(int headerSize, int xattrSize, long size, int layout, long dataBlocks, int tail, long indexSize) {
    /** Bytes of header and xattrs. */
    int bodySize() {
        return headerSize + xattrSize;
    }

    /** Works out the shapes of a tree's nodes, and refuses what EROFS has no place for. */
    static final class Maker {
        private static final long MAX_ID = 0xFFFF_FFFFL;
        private static final int MAX_SHORT = 0xFFFF;
        private static final int MAX_MAJOR = 0xFFF;
        private static final int MAX_MINOR = 0xF_FFFF;

        private final ErofsOptions options;
        private final NodeTable table;
        private final XattrWriter xattrs;
        private final DirectoryWriter directories;
        private final ChunkWriter chunks;

        Maker(
                ErofsOptions options,
                NodeTable table,
                XattrWriter xattrs,
                DirectoryWriter directories,
                ChunkWriter chunks) {
            this.options = options;
            this.table = table;
            this.xattrs = xattrs;
            this.directories = directories;
            this.chunks = chunks;
        }

        NodeShape of(int number) throws UnrepresentableFileException {
            FileNode node = table.node(number);
            checkAttributes(number, node);
            return switch (node.type()) {
                case REGULAR -> regular(number, node, node.contents());
                case DIRECTORY -> flat(number, node, directories.size(number));
                case SYMLINK -> flat(number, node, targetSize(number, node));
                case CHARACTER_DEVICE, BLOCK_DEVICE, FIFO, SOCKET -> flat(number, node, 0);
            };
        }

        private NodeShape regular(int number, FileNode node, Contents contents) throws UnrepresentableFileException {
            return switch (contents) {
                case Chunks file
                when file.size() > 0 || options.dialect() == Dialect.RAFS_V6 -> chunked(number, node, file);
                case Inline inline
                when options.dialect() == Dialect.RAFS_V6 ->
                    throw new IllegalArgumentException(
                            "RAFS v6 has no place for " + inline.size() + " bytes of contents in the bootstrap");
                case Chunks _, Inline _ -> flat(number, node, contents.size());
            };
        }

        private NodeShape chunked(int number, FileNode node, Chunks file) {
            chunks.check(file);
            long indexSize = (long) file.chunks().size() * Chunk.INDEX_SIZE;
            return new NodeShape(
                    headerSize(number, node, file.size()),
                    xattrs.size(node),
                    file.size(),
                    ErofsLayout.CHUNK_BASED,
                    0,
                    0,
                    indexSize);
        }

        /** Whole blocks among the data, the rest behind the inode if it fits there, else in a block too. */
        private NodeShape flat(int number, FileNode node, long size) {
            int headerSize = headerSize(number, node, size);
            int xattrSize = xattrs.size(node);
            int blockSize = options.blockSize();
            int rest = (int) (size & (blockSize - 1));
            boolean inline = rest > 0 && ((headerSize + xattrSize) & (blockSize - 1)) + rest <= blockSize;
            return new NodeShape(
                    headerSize,
                    xattrSize,
                    size,
                    inline ? ErofsLayout.FLAT_INLINE : ErofsLayout.FLAT_PLAIN,
                    size / blockSize + (rest > 0 && !inline ? 1 : 0),
                    inline ? rest : 0,
                    0);
        }

        private int headerSize(int number, FileNode node, long size) {
            boolean compact = options.compactInodes()
                    && node.uid() <= MAX_SHORT
                    && node.gid() <= MAX_SHORT
                    && table.links(number) <= MAX_SHORT
                    && size <= MAX_ID
                    && node.mtimeSeconds() == options.epochSeconds()
                    && node.mtimeNanos() == options.epochNanos();
            return compact ? InodeHeader.COMPACT_SIZE : InodeHeader.EXTENDED_SIZE;
        }

        private void checkAttributes(int number, FileNode node) throws UnrepresentableFileException {
            check(number, node.uid() >= 0 && node.uid() <= MAX_ID, "owner ", node.uid());
            check(number, node.gid() >= 0 && node.gid() <= MAX_ID, "group ", node.gid());
            check(number, node.deviceMajor() >= 0 && node.deviceMajor() <= MAX_MAJOR, "major ", node.deviceMajor());
            check(number, node.deviceMinor() >= 0 && node.deviceMinor() <= MAX_MINOR, "minor ", node.deviceMinor());
            check(number, (node.permissions() & FileType.MODE_MASK) == 0, "permissions ", node.permissions());
        }

        private void check(int number, boolean holds, String what, long value) throws UnrepresentableFileException {
            if (!holds) {
                throw new UnrepresentableFileException(table.path(number), what + value + " is out of range");
            }
        }

        private int targetSize(int number, FileNode link) throws UnrepresentableFileException {
            String target = link.target();
            if (target.isEmpty() || target.length() > ErofsLayout.MAX_TARGET || target.indexOf('\0') >= 0) {
                throw new UnrepresentableFileException(
                        table.path(number), "a symbolic link's target of " + target.length() + " bytes, or with a NUL");
            }
            return target.length();
        }
    }
}
