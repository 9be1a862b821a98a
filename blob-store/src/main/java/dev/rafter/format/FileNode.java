package dev.rafter.format;

import java.util.Collections;
import java.util.List;
import java.util.NavigableMap;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A file of a tree in the making, which layers are merged into and images are written from. Two directory entries that hold the
 * same node are hard links of one file. Not thread safe; attributes are set while merging and must not change while writing.
 */
public final class FileNode {
    private final FileType type;
    private int permissions;
    private long uid;
    private long gid;
    private long mtimeSeconds;
    private int mtimeNanos;
    private int deviceMajor;
    private int deviceMinor;
    private String target = "";
    private SortedMap<String, byte[]> xattrs = Collections.emptySortedMap();
    private Contents contents = Contents.EMPTY;
    private final NavigableMap<String, FileNode> children;

    public FileNode(FileType type, int permissions) {
        this.type = type;
        this.permissions = permissions;
        this.children = type == FileType.DIRECTORY ? new TreeMap<>() : Collections.emptyNavigableMap();
    }

    /** Where a regular file's bytes are. */
    public sealed interface Contents {
        Contents EMPTY = new Chunks(0, List.of());

        long size();

        /**
         * Contents as chunks, in file order; all but the last have the same size, a power of two.
         *
         * @param size bytes of the file
         */
        record Chunks(long size, List<ChunkRef> chunks) implements Contents {}

        /** Contents that the image itself holds. */
        record Inline(byte[] bytes) implements Contents {
            @Override
            public long size() {
                return bytes.length;
            }
        }
    }

    /**
     * A chunk of a device.
     *
     * @param device 1 and up: position in the device table; {@link Extent#HOLE} for zeros that lie nowhere
     * @param index number of the chunk within its blob (RAFS: ci_index); -1 where the format has none
     * @param deviceOffset byte offset in the device, a multiple of the block size
     * @param size bytes, at least 1
     */
    public record ChunkRef(int device, int index, long deviceOffset, int size) {}

    public FileType type() {
        return type;
    }

    public int permissions() {
        return permissions;
    }

    public FileNode permissions(int value) {
        permissions = value;
        return this;
    }

    public long uid() {
        return uid;
    }

    public long gid() {
        return gid;
    }

    public FileNode owner(long newUid, long newGid) {
        uid = newUid;
        gid = newGid;
        return this;
    }

    public long mtimeSeconds() {
        return mtimeSeconds;
    }

    public int mtimeNanos() {
        return mtimeNanos;
    }

    public FileNode mtime(long seconds, int nanos) {
        mtimeSeconds = seconds;
        mtimeNanos = nanos;
        return this;
    }

    public int deviceMajor() {
        return deviceMajor;
    }

    public int deviceMinor() {
        return deviceMinor;
    }

    public FileNode device(int major, int minor) {
        deviceMajor = major;
        deviceMinor = minor;
        return this;
    }

    /** A symbolic link's target, a byte string; "" for all else. */
    public String target() {
        return target;
    }

    public FileNode target(String value) {
        target = value;
        return this;
    }

    /** Full names (byte strings) to values. */
    public SortedMap<String, byte[]> xattrs() {
        return xattrs;
    }

    public FileNode xattrs(SortedMap<String, byte[]> value) {
        xattrs = value;
        return this;
    }

    public Contents contents() {
        return contents;
    }

    public FileNode contents(Contents value) {
        contents = value;
        return this;
    }

    /** A directory's entries by name (byte strings), in byte order; mutable. Empty for all else. */
    public NavigableMap<String, FileNode> children() {
        return children;
    }
}
