package dev.rafter.format.erofs;

import dev.rafter.format.ByteStrings;
import dev.rafter.format.CorruptImageException;
import dev.rafter.format.ImageBytes;
import dev.rafter.format.ImageException;
import dev.rafter.format.erofs.ErofsLayout.Dirent;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Reads directories block by block, and holds them to the rules that lookups in the kernel rely on: names in strict byte order over the whole directory, "." and ".."
 * among them, each within its block.
 */
final class DirectoryReader {
    private static final int MAX_TYPE = 7;

    private final ImageBytes image;
    private final Superblock superblock;

    DirectoryReader(ImageBytes image, Superblock superblock) {
        this.image = image;
        this.superblock = superblock;
    }

    /** An entry as it is stored, "." and ".." too. */
    record Entry(String name, long nid, int type, long offset) {}

    /** Takes the entries one after another. */
    interface Sink<X extends IOException> {
        void entry(Entry entry) throws ImageException, X;
    }

    /** Passes all entries of a directory, in order, and checks what can be checked within the directory. */
    <X extends IOException> void read(StoredInode directory, Sink<X> sink) throws ImageException, X {
        Checks checks = new Checks(directory);
        Cursor cursor = cursor(directory);
        for (Entry entry = cursor.next(); entry != null; entry = cursor.next()) {
            checks.next(entry);
            sink.entry(entry);
        }
        checks.end();
    }

    Cursor cursor(StoredInode directory) throws ImageException {
        return new Cursor(data(directory));
    }

    /** A place in a directory: gives entry after entry, each checked on its own. */
    final class Cursor {
        private final FlatData data;
        private int nextBlock;
        private @Nullable Block block;
        private int nextEntry;

        private Cursor(FlatData data) {
            this.data = data;
        }

        /** Null behind the last one. */
        @Nullable
        Entry next() throws CorruptImageException {
            if (block == null || nextEntry == block.count) {
                if (nextBlock == data.blockCount()) {
                    return null;
                }
                block = block(data, nextBlock++);
                nextEntry = 0;
            }
            return block.entry(nextEntry++);
        }
    }

    /** The nid of one entry by binary search, as the kernel finds it; null if there is none. */
    @Nullable
    Entry find(StoredInode directory, String name) throws ImageException {
        FlatData data = data(directory);
        int low = 0;
        int high = data.blockCount();
        while (high - low > 1) {
            int middle = (low + high) >>> 1;
            if (block(data, middle).entry(0).name.compareTo(name) <= 0) {
                low = middle;
            } else {
                high = middle;
            }
        }
        Block candidates = block(data, low);
        for (int i = 0; i < candidates.count; i++) {
            Entry entry = candidates.entry(i);
            if (entry.name.equals(name)) {
                return entry;
            }
        }
        return null;
    }

    private FlatData data(StoredInode directory) throws ImageException {
        if (directory.size() == 0 || directory.size() > Integer.MAX_VALUE) {
            throw image.corrupt(
                    directory.name() + ": a directory of " + directory.size() + " bytes", directory.offset());
        }
        return FlatData.of(image, superblock, directory);
    }

    private Block block(FlatData data, int number) throws CorruptImageException {
        long offset = data.blockOffset(number);
        int length = data.blockLength(number);
        String where = data.inode().name();
        if (length <= Dirent.SIZE) {
            throw image.corrupt(where + ": a directory block of " + length + " bytes", offset);
        }
        int namesStart = image.u16(offset + Dirent.NAME_OFFSET, "a directory entry");
        if (namesStart < Dirent.SIZE || namesStart % Dirent.SIZE != 0 || namesStart >= length) {
            throw image.corrupt(
                    where + ": names of a directory block of " + length + " bytes begin at byte " + namesStart,
                    offset + Dirent.NAME_OFFSET);
        }
        return new Block(offset, length, namesStart / Dirent.SIZE, where);
    }

    private final class Block {
        final long offset;
        final int length;
        final int count;
        private final String where;

        Block(long offset, int length, int count, String where) {
            this.offset = offset;
            this.length = length;
            this.count = count;
            this.where = where;
        }

        Entry entry(int i) throws CorruptImageException {
            long entryOffset = offset + (long) i * Dirent.SIZE;
            int type = image.u8(entryOffset + Dirent.TYPE, "a directory entry");
            if (type > MAX_TYPE) {
                throw image.corrupt(where + ": a directory entry of type " + type, entryOffset + Dirent.TYPE);
            }
            return new Entry(
                    name(i, entryOffset), image.s64(entryOffset + Dirent.NID, "a directory entry"), type, entryOffset);
        }

        private String name(int i, long entryOffset) throws CorruptImageException {
            int start = nameOffset(i);
            int end = i + 1 < count ? nameOffset(i + 1) : length;
            if (start < count * Dirent.SIZE || start >= end || end > length) {
                throw image.corrupt(
                        where + ": a name from byte " + start + " to " + end + " of a directory block of " + length
                                + " bytes",
                        entryOffset + Dirent.NAME_OFFSET);
            }
            int longest = Math.min(end - start, ErofsLayout.MAX_NAME + 1);
            String name = image.string(offset + start, longest, "a name");
            if (i + 1 == count) {
                int nul = name.indexOf('\0');
                name = nul < 0 ? name : name.substring(0, nul);
            }
            check(name, offset + start);
            return name;
        }

        private int nameOffset(int i) throws CorruptImageException {
            return image.u16(offset + (long) i * Dirent.SIZE + Dirent.NAME_OFFSET, "a directory entry");
        }

        private void check(String name, long at) throws CorruptImageException {
            if (name.isEmpty()
                    || name.length() > ErofsLayout.MAX_NAME
                    || name.indexOf('\0') >= 0
                    || name.indexOf('/') >= 0) {
                throw image.corrupt(where + ": the name \"" + ByteStrings.display(name) + "\" is not one", at);
            }
        }
    }

    /** What holds over a whole directory. */
    private final class Checks {
        private final StoredInode directory;
        private String previous = "";
        private boolean dot;
        private boolean dotDot;

        Checks(StoredInode directory) {
            this.directory = directory;
        }

        void next(Entry entry) throws CorruptImageException {
            if (previous.compareTo(entry.name) >= 0) {
                throw image.corrupt(
                        directory.name() + ": name \"" + ByteStrings.display(entry.name)
                                + "\" is out of order or there twice, behind \"" + ByteStrings.display(previous) + "\"",
                        entry.offset);
            }
            previous = entry.name;
            if (entry.name.equals(".")) {
                dot = true;
                checkSelf(entry);
            } else if (entry.name.equals("..")) {
                dotDot = true;
            }
        }

        private void checkSelf(Entry entry) throws CorruptImageException {
            if (entry.nid != directory.nid()) {
                throw image.corrupt(directory.name() + ": its \".\" is inode " + entry.nid, entry.offset);
            }
        }

        void end() throws CorruptImageException {
            if (!dotDot || dot == directory.dotOmitted()) {
                throw image.corrupt(
                        directory.name() + ": a directory "
                                + (dotDot ? "whose \".\" entry is amiss" : "without \"..\""),
                        directory.offset());
            }
        }
    }
}
