package dev.rafter.format.erofs;

import dev.rafter.format.ByteStrings;
import dev.rafter.format.CorruptImageException;
import dev.rafter.format.ImageBytes;
import dev.rafter.format.ImageException;
import dev.rafter.format.erofs.ErofsLayout.Xattr;
import java.util.Collections;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** Reads extended attributes: those behind an inode, and the shared ones, of which it keeps what it has read. */
final class XattrReader {
    /** Bytes of shared entries that are kept. */
    private static final long CACHE_LIMIT = 8 << 20;

    private final ImageBytes image;
    private final long sharedOffset;
    private final XattrPrefixes prefixes;
    private final Map<Long, Entry> cache = new ConcurrentHashMap<>();
    private final AtomicLong cached = new AtomicLong();

    XattrReader(ImageBytes image, Superblock superblock, XattrPrefixes prefixes) {
        this.image = image;
        this.prefixes = prefixes;
        this.sharedOffset = superblock.xattrBlock() << superblock.blockBits();
    }

    /**
     * An attribute in the image.
     *
     * @param name full name, or null if it is hidden from users
     * @param size bytes that it takes, with padding
     */
    private record Entry(@Nullable String name, byte[] value, int size) {}

    /** The attributes of an inode: full names to values. The work is charged, since many inodes may name the same shared one. */
    SortedMap<String, byte[]> read(StoredInode inode, WorkBudget budget) throws ImageException {
        if (inode.xattrSize() == 0) {
            return Collections.emptySortedMap();
        }
        long start = inode.xattrOffset();
        long end = start + inode.xattrSize();
        int shared = image.u8(start + Xattr.SHARED_COUNT, "the number of shared xattrs");
        long position = start + Xattr.HEADER_SIZE + (long) Xattr.ALIGNMENT * shared;
        if (position > end) {
            throw image.corrupt(
                    inode.name() + ": " + shared + " shared xattrs do not fit its xattr area of " + inode.xattrSize()
                            + " bytes",
                    start + Xattr.SHARED_COUNT);
        }
        SortedMap<String, byte[]> xattrs = new TreeMap<>();
        for (int i = 0; i < shared; i++) {
            long idOffset = start + Xattr.HEADER_SIZE + (long) Xattr.ALIGNMENT * i;
            add(xattrs, shared(inode, image.u32(idOffset, "the id of a shared xattr"), budget), inode, idOffset);
        }
        while (position < end) {
            Entry entry = entry(position, end, inode.name());
            add(xattrs, entry, inode, position);
            position += entry.size;
        }
        return Collections.unmodifiableSortedMap(xattrs);
    }

    private void add(SortedMap<String, byte[]> xattrs, Entry entry, StoredInode inode, long offset)
            throws CorruptImageException {
        if (entry.name != null && xattrs.put(entry.name, entry.value) != null) {
            throw image.corrupt(
                    inode.name() + ": xattr " + ByteStrings.display(entry.name) + " stands there twice", offset);
        }
    }

    private Entry shared(StoredInode inode, long id, WorkBudget budget) throws ImageException {
        Entry known = cache.get(id);
        if (known != null) {
            return known;
        }
        long offset = sharedOffset + Xattr.ALIGNMENT * id;
        Entry entry = entry(offset, image.length(), inode.name() + ", shared xattr " + id);
        budget.charge(entry.size, offset);
        if (cached.addAndGet(entry.size) <= CACHE_LIMIT) {
            cache.put(id, entry);
        }
        return entry;
    }

    private Entry entry(long offset, long end, String where) throws CorruptImageException {
        if (offset > end - Xattr.ENTRY_SIZE) {
            throw image.corrupt(where + ": an xattr entry reaches over the end of its area", offset);
        }
        int nameLength = image.u8(offset + Xattr.NAME_LENGTH, "an xattr's name length");
        int valueSize = image.u16(offset + Xattr.VALUE_SIZE, "an xattr's value size");
        int size = Xattr.ENTRY_SIZE + nameLength + valueSize;
        int padded = (size + Xattr.ALIGNMENT - 1) & -Xattr.ALIGNMENT;
        if (offset > end - padded) {
            throw image.corrupt(
                    where + ": an xattr of " + nameLength + " bytes of name and " + valueSize
                            + " bytes of value reaches over the end of its area",
                    offset);
        }
        String suffix = image.string(offset + Xattr.ENTRY_SIZE, nameLength, "an xattr's name");
        int index = image.u8(offset + Xattr.NAME_INDEX, "an xattr's prefix");
        String name = prefixes.fullName(index, suffix, where, image, offset);
        byte[] value = image.bytes(offset + Xattr.ENTRY_SIZE + nameLength, valueSize, "an xattr's value");
        return new Entry(name, value, padded);
    }
}
