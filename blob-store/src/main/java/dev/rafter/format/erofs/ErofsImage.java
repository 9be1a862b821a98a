package dev.rafter.format.erofs;

import dev.rafter.format.CorruptImageException;
import dev.rafter.format.DirectoryEntry;
import dev.rafter.format.Extent;
import dev.rafter.format.FileType;
import dev.rafter.format.ImageBytes;
import dev.rafter.format.ImageException;
import dev.rafter.format.Inode;
import dev.rafter.format.UnsupportedImageException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * An EROFS image, read strictly: no structure is believed before it was checked, and what is wrong ends in a {@link CorruptImageException} that says what and
 * where, whatever the bytes, in bounded time and memory. Compressed files can be listed, but asking for their data (or for the entries of a compressed directory)
 * ends in an {@link UnsupportedImageException}.
 *
 * <p>Opening checks the superblock, the device table and the root; reading an object checks that object; {@link #validate} checks
 * everything. Inode numbers are node ids ({@code nid}). Only metadata and what the image itself holds are read: the bytes of files
 * are given as {@link Extent}s, whose device 0 is {@link #segment()}.
 *
 * <p>Immutable and thread safe, as long as the segment is accessible to the thread and nobody writes to it.
 */
public final class ErofsImage {
    private final ImageBytes bytes;
    private final Superblock superblock;
    private final DeviceTable devices;
    private final InodeReader inodes;
    private final DirectoryReader directories;
    private final ExtentReader extents;
    private final XattrReader xattrs;

    /** Where the extra devices of an image are. */
    public enum Devices {
        /** Each is a file of its own. */
        SEPARATE,
        /** Behind the image in the same file, where the device table maps them; the kernel's view when it is given no devices. */
        FLAT
    }

    /** What {@link #validate} shows of the tree. */
    public interface Visitor {
        /**
         * Called for every name, beginning with the root, a directory before its entries. All entries of a directory follow one another
         * in byte order. A file with several names is shown with each; its number tells.
         */
        void visit(Visited at, Inode inode) throws IOException;
    }

    /** A place in the tree. */
    public interface Visited {
        /** Last part of the path, a byte string; "" for the root. */
        String name();

        /** Whole path from "/", a byte string. Put together at each call. */
        String path();

        /** 0 for the root. */
        int depth();

        /** Inode number of the directory; the root's own for the root. */
        long parentNumber();
    }

    private ErofsImage(ImageBytes bytes, Devices mode, Dialect dialect) throws ImageException {
        this.bytes = bytes;
        this.superblock = Superblock.read(bytes, dialect);
        this.devices = DeviceTable.read(bytes, superblock, mode);
        this.inodes = new InodeReader(bytes, superblock, dialect);
        this.directories = new DirectoryReader(bytes, superblock);
        this.extents = new ExtentReader(bytes, superblock, devices, dialect);
        this.xattrs = new XattrReader(bytes, superblock, prefixes());
        root();
    }

    /**
     * Opens an image that follows the kernel's rules.
     *
     * @param image the whole image; of its data only what {@link #extents} of device 0 name is needed
     * @param resource what errors call it
     */
    public static ErofsImage open(MemorySegment image, String resource, Devices devices) throws ImageException {
        return open(image, resource, devices, Dialect.EROFS);
    }

    public static ErofsImage open(MemorySegment image, String resource, Devices devices, Dialect dialect)
            throws ImageException {
        return new ErofsImage(new ImageBytes(image, resource), devices, dialect);
    }

    /** Long prefixes lie in the image, or in the packed inode if there is one, unless a feature says "in the image" once more. */
    private XattrPrefixes prefixes() throws ImageException {
        if (superblock.xattrPrefixCount() == 0) {
            return XattrPrefixes.FIXED_ONLY;
        }
        boolean packed = superblock.packedNid() != 0 && !superblock.hasCompat(ErofsLayout.COMPAT_PLAIN_XATTR_PREFIXES);
        ImageBytes table = packed ? packedInode() : bytes;
        return XattrPrefixes.read(table, superblock.xattrPrefixOffset(), superblock.xattrPrefixCount());
    }

    private ImageBytes packedInode() throws ImageException {
        StoredInode packed = inodes.read(superblock.packedNid());
        if (packed.size() > bytes.length()) {
            throw bytes.corrupt("the packed inode has " + packed.size() + " bytes", packed.offset());
        }
        byte[] data = FlatData.of(bytes, superblock, packed).bytes();
        return new ImageBytes(MemorySegment.ofArray(data), bytes.resource() + " (packed inode)");
    }

    public Superblock superblock() {
        return superblock;
    }

    /** The device table; an extent's device n is the entry n - 1. */
    public List<Device> devices() {
        return devices.devices();
    }

    /** What errors call the image. */
    public String resource() {
        return bytes.resource();
    }

    /** The image's bytes: device 0 of the extents. Read only. */
    public MemorySegment segment() {
        return bytes.segment();
    }

    public Inode root() throws ImageException {
        Inode root = inode(superblock.rootNid());
        if (root.type() != FileType.DIRECTORY) {
            throw bytes.corrupt(
                    "the root, inode " + root.number() + ", is a " + root.type(),
                    stored(root.number()).offset());
        }
        return root;
    }

    /** Reads an inode with its xattrs, and of a symbolic link the target. */
    public Inode inode(long nid) throws ImageException {
        return inode(stored(nid), WorkBudget.unlimited(bytes));
    }

    /** A directory's entries in byte order, without "." and "..". */
    public List<DirectoryEntry> directory(Inode directory) throws ImageException {
        List<DirectoryEntry> entries = new ArrayList<>();
        directories.<ImageException>read(storedDirectory(directory), entry -> {
            if (!isDot(entry.name())) {
                entries.add(entry(entry));
            }
        });
        return entries;
    }

    /** One entry of a directory, found by binary search as the kernel does. "." and ".." are not found. */
    public Optional<DirectoryEntry> lookup(Inode directory, String name) throws ImageException {
        DirectoryReader.Entry found = isDot(name) ? null : directories.find(storedDirectory(directory), name);
        return found == null ? Optional.empty() : Optional.of(entry(found));
    }

    /** Where a regular file's bytes lie, in file order and without gaps; adjacent extents are merged. */
    public List<Extent> extents(Inode file) throws ImageException {
        return extents.merged(storedRegular(file));
    }

    /** The same, one after the other: a file that is nearly all holes may have millions. */
    public void extents(Inode file, Consumer<Extent> use) throws ImageException {
        extents.merged(storedRegular(file), use);
    }

    /**
     * The raw entries of a chunk-based file's index, read when they are asked for, as 64 bit little endian numbers: bits 0-15 the address's high part, 16-31 the device, 32-63 the address. There is
     * one for each chunk of the given size: RAFS v6 may state a larger chunk in the inode and still write one entry for each of its own.
     *
     * @param chunkSizeBytes a power of two
     */
    public ChunkIndexes chunkIndexes(Inode file, int chunkSizeBytes) throws ImageException {
        if (Integer.bitCount(chunkSizeBytes) != 1) {
            throw new IllegalArgumentException("chunkSizeBytes=" + chunkSizeBytes + " is not a power of two");
        }
        return extents.rawIndexes(storedRegular(file), Integer.numberOfTrailingZeros(chunkSizeBytes));
    }

    /**
     * Walks the whole tree and checks everything that can be reached: each inode, its xattrs and extents, each directory's order and names, types, "." and "..", and
     * that no directory has two places. Passes all names to the visitor.
     */
    public void validate(Visitor visitor) throws IOException {
        new TreeWalk(this, bytes, visitor).run();
    }

    StoredInode stored(long nid) throws ImageException {
        return inodes.read(nid);
    }

    DirectoryReader directories() {
        return directories;
    }

    ExtentReader extentReader() {
        return extents;
    }

    Inode inode(StoredInode stored, WorkBudget budget) throws ImageException {
        FileType type = stored.type();
        boolean sized = type == FileType.REGULAR || type == FileType.SYMLINK || type == FileType.DIRECTORY;
        return new Inode(
                stored.nid(),
                type,
                stored.permissions(),
                stored.uid(),
                stored.gid(),
                sized ? stored.size() : 0,
                stored.mtimeSeconds(),
                stored.mtimeNanos(),
                stored.links(),
                stored.deviceMajor(),
                stored.deviceMinor(),
                type == FileType.SYMLINK ? FlatData.target(bytes, superblock, stored) : "",
                xattrs.read(stored, budget));
    }

    private DirectoryEntry entry(DirectoryReader.Entry entry) throws ImageException {
        for (FileType type : FileType.values()) {
            if (type.direntType() == entry.type()) {
                return new DirectoryEntry(entry.name(), entry.nid(), type);
            }
        }
        return new DirectoryEntry(entry.name(), entry.nid(), stored(entry.nid()).type());
    }

    /** The index of a chunk-based file. */
    public interface ChunkIndexes {
        int count();

        /** @param i 0 to {@link #count} - 1 */
        long get(int i) throws CorruptImageException;
    }

    private static boolean isDot(String name) {
        return name.equals(".") || name.equals("..");
    }

    private StoredInode storedDirectory(Inode directory) throws ImageException {
        return storedAs(directory, FileType.DIRECTORY);
    }

    private StoredInode storedRegular(Inode file) throws ImageException {
        return storedAs(file, FileType.REGULAR);
    }

    private StoredInode storedAs(Inode inode, FileType type) throws ImageException {
        StoredInode stored = stored(inode.number());
        if (stored.type() != type) {
            throw new IllegalArgumentException(stored.name() + " is a " + stored.type() + ", not a " + type);
        }
        return stored;
    }
}
