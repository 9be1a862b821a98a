package dev.rafter.format.erofs;

import dev.rafter.format.CorruptImageException;
import dev.rafter.format.FileType;
import dev.rafter.format.ImageBytes;
import dev.rafter.format.ImageException;
import dev.rafter.format.erofs.ErofsLayout.Chunk;
import dev.rafter.format.erofs.ErofsLayout.InodeHeader;
import dev.rafter.format.erofs.ErofsLayout.Xattr;

/** Reads inode headers: locates one by its nid and checks every field that stands alone. */
final class InodeReader {
    private static final int NANOS_PER_SECOND = 1_000_000_000;
    /** An inode that has no room for bits 32 to 47 of its start block. */
    private static final int NO_HIGH_BITS = -1;

    private static final long ALL_ONES_32 = 0xFFFF_FFFFL;
    private static final long ALL_ONES_48 = 0xFFFF_FFFF_FFFFL;
    /** The largest chunk that the format's five bits are believed to mean: 2 GiB. */
    private static final int MAX_CHUNK_BITS = 31;
    /** Of RAFS v6, which states as chunk what is a whole contiguous file. */
    private static final int MAX_RAFS_CHUNK_BITS = 43;

    private final ImageBytes image;
    private final Superblock superblock;
    private final Dialect dialect;
    private final long metaOffset;

    InodeReader(ImageBytes image, Superblock superblock, Dialect dialect) {
        this.image = image;
        this.superblock = superblock;
        this.dialect = dialect;
        this.metaOffset = superblock.metaBlock() << superblock.blockBits();
    }

    StoredInode read(long nid) throws ImageException {
        long offset = locate(nid);
        int format = image.u16(offset + InodeHeader.FORMAT, "an inode");
        if ((format & ~InodeHeader.FORMAT_KNOWN) != 0) {
            throw corrupt(nid, "reserved bits of its format 0x%x are set".formatted(format), offset);
        }
        boolean extended = (format & InodeHeader.FORMAT_EXTENDED) != 0;
        int headerSize = extended ? InodeHeader.EXTENDED_SIZE : InodeHeader.COMPACT_SIZE;
        checkHeld(nid, offset, headerSize, "its header");
        return extended ? extended(nid, offset, format) : compact(nid, offset, format);
    }

    private long locate(long nid) throws CorruptImageException {
        if (nid < 0 || nid >= (image.length() - metaOffset + ErofsLayout.NID_UNIT - 1) / ErofsLayout.NID_UNIT) {
            throw image.corrupt(
                    "inode " + Long.toUnsignedString(nid) + " lies outside of the image",
                    CorruptImageException.NO_OFFSET);
        }
        return metaOffset + nid * ErofsLayout.NID_UNIT;
    }

    private StoredInode extended(long nid, long offset, int format) throws ImageException {
        long nanos = image.u32(offset + InodeHeader.EXTENDED_NANOS, "nanoseconds");
        if (nanos >= NANOS_PER_SECOND) {
            throw corrupt(nid, nanos + " nanoseconds", offset + InodeHeader.EXTENDED_NANOS);
        }
        long size = image.s64(offset + InodeHeader.SIZE, "size");
        if (size < 0) {
            throw corrupt(nid, "size " + Long.toUnsignedString(size) + " is 2^63 or more", offset + InodeHeader.SIZE);
        }
        FileType type = type(nid, offset);
        boolean noDot = (format & InodeHeader.FORMAT_ONE_LINK_OR_NO_DOT) != 0;
        checkNoDot(nid, offset, noDot, noDot && type == FileType.DIRECTORY);
        return inode(
                new Place(nid, offset, InodeHeader.EXTENDED_SIZE, format),
                type,
                image.u32(offset + InodeHeader.EXTENDED_UID, "uid"),
                image.u32(offset + InodeHeader.EXTENDED_GID, "gid"),
                size,
                image.s64(offset + InodeHeader.EXTENDED_MTIME, "mtime"),
                (int) nanos,
                image.u32(offset + InodeHeader.EXTENDED_LINKS, "links"),
                superblock.has(ErofsLayout.INCOMPAT_48BIT)
                        ? image.u16(offset + InodeHeader.LINKS_OR_HIGH, "high bits of the start block")
                        : NO_HIGH_BITS);
    }

    private StoredInode compact(long nid, long offset, int format) throws ImageException {
        FileType type = type(nid, offset);
        boolean flag = (format & InodeHeader.FORMAT_ONE_LINK_OR_NO_DOT) != 0;
        checkNoDot(nid, offset, flag, true);
        boolean oneLink = flag && type != FileType.DIRECTORY;
        int linksOrHigh = image.u16(offset + InodeHeader.LINKS_OR_HIGH, "links");
        return inode(
                new Place(nid, offset, InodeHeader.COMPACT_SIZE, format),
                type,
                image.u16(offset + InodeHeader.COMPACT_UID, "uid"),
                image.u16(offset + InodeHeader.COMPACT_GID, "gid"),
                image.u32(offset + InodeHeader.SIZE, "size"),
                superblock.epochSeconds() + image.u32(offset + InodeHeader.COMPACT_MTIME, "mtime"),
                superblock.epochNanos(),
                oneLink ? 1 : linksOrHigh,
                oneLink ? linksOrHigh : NO_HIGH_BITS);
    }

    private void checkNoDot(long nid, long offset, boolean set, boolean fits) throws CorruptImageException {
        if (set && !(fits && superblock.has(ErofsLayout.INCOMPAT_48BIT))) {
            throw corrupt(nid, "bit 4 of its format is set, which means nothing here", offset);
        }
    }

    private FileType type(long nid, long offset) throws CorruptImageException {
        int mode = image.u16(offset + InodeHeader.MODE, "mode");
        return FileType.ofMode(mode)
                .orElseThrow(
                        () -> corrupt(nid, "mode 0%o is of no file type".formatted(mode), offset + InodeHeader.MODE));
    }

    /** What both forms of an inode have before they differ. */
    private record Place(long nid, long offset, int headerSize, int format) {
        int layout() {
            return (format >> InodeHeader.FORMAT_LAYOUT_SHIFT) & InodeHeader.FORMAT_LAYOUT_MASK;
        }
    }

    private StoredInode inode(
            Place place,
            FileType type,
            long uid,
            long gid,
            long size,
            long mtimeSeconds,
            int mtimeNanos,
            long links,
            int high)
            throws ImageException {
        if (links == 0) {
            throw corrupt(place.nid, "it has no links", place.offset);
        }
        int xattrSize = xattrSize(place);
        long data = image.u32(place.offset + InodeHeader.DATA, "data");
        boolean device = type == FileType.CHARACTER_DEVICE || type == FileType.BLOCK_DEVICE;
        return new StoredInode(
                place.nid,
                place.offset,
                place.headerSize,
                xattrSize,
                type,
                image.u16(place.offset + InodeHeader.MODE, "mode") & ~FileType.MODE_MASK,
                uid,
                gid,
                size,
                mtimeSeconds,
                mtimeNanos,
                links,
                device ? data : 0,
                type == FileType.DIRECTORY && (place.format & InodeHeader.FORMAT_ONE_LINK_OR_NO_DOT) != 0,
                layout(place, type, xattrSize, size, data, high));
    }

    private int xattrSize(Place place) throws CorruptImageException {
        int count = image.u16(place.offset + InodeHeader.XATTR_COUNT, "xattr count");
        int size = count == 0 ? 0 : Xattr.HEADER_SIZE + Xattr.ALIGNMENT * (count - 1);
        checkHeld(place.nid, place.offset + place.headerSize, size, "its xattr area");
        return size;
    }

    private DataLayout layout(Place place, FileType type, int xattrSize, long size, long data, int high)
            throws CorruptImageException {
        int layout = place.layout();
        if (layout > ErofsLayout.CHUNK_BASED) {
            throw corrupt(place.nid, "data layout " + layout + " does not exist", place.offset);
        }
        if (type != FileType.REGULAR && type != FileType.DIRECTORY && type != FileType.SYMLINK) {
            return new DataLayout.None();
        }
        long bodyEnd = place.offset + place.headerSize + xattrSize;
        return switch (layout) {
            case ErofsLayout.FLAT_PLAIN -> new DataLayout.Plain(startBlock(data, high));
            case ErofsLayout.FLAT_INLINE -> inline(place, startBlock(data, high), bodyEnd, size);
            case ErofsLayout.CHUNK_BASED -> chunked(place, type, data, bodyEnd);
            default -> new DataLayout.Compressed(layout, (bodyEnd + 7) & ~7L);
        };
    }

    private long startBlock(long low, int high) {
        if (high == NO_HIGH_BITS) {
            return low == ALL_ONES_32 ? DataLayout.HOLE : low;
        }
        long block = low | ((long) high << 32);
        return block == ALL_ONES_48 ? DataLayout.HOLE : block;
    }

    private DataLayout inline(Place place, long startBlock, long bodyEnd, long size) throws CorruptImageException {
        long tail = size & (superblock.blockSize() - 1);
        long inBlock = bodyEnd & (superblock.blockSize() - 1);
        if (inBlock + tail > superblock.blockSize()) {
            throw corrupt(place.nid, "its inline tail of " + tail + " bytes crosses a block", bodyEnd);
        }
        checkHeld(place.nid, bodyEnd, tail, "its inline tail");
        return new DataLayout.Inline(startBlock, bodyEnd);
    }

    private DataLayout chunked(Place place, FileType type, long format, long bodyEnd) throws CorruptImageException {
        if (type != FileType.REGULAR) {
            throw corrupt(place.nid, "only regular files have chunks", place.offset);
        }
        if ((format & ~Chunk.FORMAT_KNOWN) != 0) {
            throw corrupt(
                    place.nid,
                    "unknown bits in its chunk format 0x%x".formatted(format),
                    place.offset + InodeHeader.DATA);
        }
        int chunkBits = superblock.blockBits() + (int) (format & Chunk.FORMAT_BITS);
        int limit = dialect == Dialect.RAFS_V6 ? MAX_RAFS_CHUNK_BITS : MAX_CHUNK_BITS;
        if (chunkBits > limit) {
            throw corrupt(
                    place.nid,
                    "chunks of 2^" + chunkBits + " bytes, at most 2^" + limit,
                    place.offset + InodeHeader.DATA);
        }
        boolean wide = (format & Chunk.FORMAT_48BIT) != 0;
        if (wide && !superblock.has(ErofsLayout.INCOMPAT_48BIT)) {
            throw corrupt(place.nid, "chunk addresses of 48 bits, but the superblock announces none", place.offset);
        }
        boolean indexes = (format & Chunk.FORMAT_INDEXES) != 0;
        if (wide && !indexes) {
            throw corrupt(place.nid, "chunk addresses of 48 bits in a map of four byte entries", place.offset);
        }
        int unit = indexes ? Chunk.INDEX_SIZE : Chunk.MAP_SIZE;
        return new DataLayout.Chunked(chunkBits, indexes, wide, (bodyEnd + unit - 1) & -(long) unit);
    }

    private void checkHeld(long nid, long offset, long length, String what) throws CorruptImageException {
        if (!image.holds(offset, length)) {
            throw corrupt(nid, what + " of " + length + " bytes reaches over the end of the image", offset);
        }
    }

    private CorruptImageException corrupt(long nid, String problem, long offset) {
        return image.corrupt("inode " + nid + ": " + problem, offset);
    }
}
