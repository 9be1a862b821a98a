package dev.rafter.format.erofs;

import dev.rafter.format.ByteStrings;
import dev.rafter.format.FileNode;
import dev.rafter.format.UnrepresentableFileException;
import dev.rafter.format.erofs.ErofsLayout.Xattr;
import dev.rafter.format.erofs.XattrPrefixes.Split;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;

/** Decides which xattrs are shared, and writes both kinds. */
final class XattrWriter {
    /** An attribute that so many files have is stored once. */
    private static final int SHARED_FROM = 3;

    private static final int MAX_SHARED = 255;
    private static final int MAX_COUNT = 65535;

    private final NodeTable table;
    /** Shared attributes to their byte offsets in the shared area, in the order of the area. */
    private final SequencedMap<Key, Long> shared;

    private final long sharedSize;

    private XattrWriter(NodeTable table, SequencedMap<Key, Long> shared, long sharedSize) {
        this.table = table;
        this.shared = shared;
        this.sharedSize = sharedSize;
    }

    private record Key(String name, byte[] value) {
        @Override
        public boolean equals(Object other) {
            return other instanceof Key key && name.equals(key.name) && Arrays.equals(value, key.value);
        }

        @Override
        public int hashCode() {
            return 31 * name.hashCode() + Arrays.hashCode(value);
        }
    }

    static XattrWriter plan(NodeTable table, boolean sharing) throws UnrepresentableFileException {
        SequencedMap<Key, Long> shared = new LinkedHashMap<>();
        Map<Key, Integer> uses = new HashMap<>();
        long size = 0;
        for (int i = 0; i < table.size(); i++) {
            for (Map.Entry<String, byte[]> xattr : table.node(i).xattrs().entrySet()) {
                check(table, i, xattr.getKey(), xattr.getValue());
                if (sharing) {
                    Key key = new Key(xattr.getKey(), xattr.getValue());
                    if (uses.merge(key, 1, Integer::sum) == SHARED_FROM) {
                        shared.put(key, size);
                        size += entrySize(key.name, key.value);
                    }
                }
            }
        }
        XattrWriter writer = new XattrWriter(table, shared, size);
        for (int i = 0; i < table.size(); i++) {
            writer.checkSize(i);
        }
        return writer;
    }

    private static void check(NodeTable table, int node, String name, byte[] value)
            throws UnrepresentableFileException {
        Split split = XattrPrefixes.split(name);
        String problem = null;
        if (split == null) {
            problem = "has no prefix that EROFS knows";
        } else if (split.suffix().isEmpty() && !name.startsWith("system.")) {
            problem = "has no name behind its prefix";
        } else if (split.suffix().length() > ErofsLayout.MAX_NAME
                || split.suffix().indexOf('\0') >= 0) {
            problem = "has a name of more than " + ErofsLayout.MAX_NAME + " bytes, or with a NUL";
        } else if (value.length > Xattr.MAX_VALUE) {
            problem = "has a value of " + value.length + " bytes, of at most " + Xattr.MAX_VALUE;
        }
        if (problem != null) {
            throw new UnrepresentableFileException(
                    table.path(node), "the xattr " + ByteStrings.display(name) + " " + problem);
        }
    }

    private void checkSize(int node) throws UnrepresentableFileException {
        if (count(size(table.node(node))) > MAX_COUNT) {
            throw new UnrepresentableFileException(
                    table.path(node),
                    "its xattrs take more than the " + Xattr.ALIGNMENT * MAX_COUNT + " bytes that fit");
        }
    }

    private static int entrySize(String name, byte[] value) {
        Split split = XattrPrefixes.split(name);
        int suffix = split == null ? 0 : split.suffix().length();
        return (Xattr.ENTRY_SIZE + suffix + value.length + Xattr.ALIGNMENT - 1) & -Xattr.ALIGNMENT;
    }

    long sharedSize() {
        return sharedSize;
    }

    /** Bytes of a node's xattr area. */
    int size(FileNode node) {
        if (node.xattrs().isEmpty()) {
            return 0;
        }
        int sharedIds = 0;
        int inline = 0;
        for (Map.Entry<String, byte[]> xattr : node.xattrs().entrySet()) {
            if (sharedIds < MAX_SHARED && isShared(xattr)) {
                sharedIds++;
            } else {
                inline = Math.addExact(inline, entrySize(xattr.getKey(), xattr.getValue()));
            }
        }
        return Xattr.HEADER_SIZE + Xattr.ALIGNMENT * sharedIds + inline;
    }

    /** The number that an inode states for an area of so many bytes. */
    static int count(int size) {
        return size == 0 ? 0 : (size - Xattr.HEADER_SIZE) / Xattr.ALIGNMENT + 1;
    }

    private boolean isShared(Map.Entry<String, byte[]> xattr) {
        return !shared.isEmpty() && shared.containsKey(new Key(xattr.getKey(), xattr.getValue()));
    }

    void writeShared(ImageOutput out) throws IOException {
        for (Key key : shared.keySet()) {
            writeEntry(out, key.name, key.value);
        }
    }

    /** Writes a node's area: header, ids of shared ones, the others. */
    void write(ImageOutput out, FileNode node) throws IOException {
        if (node.xattrs().isEmpty()) {
            return;
        }
        long sharedIds = node.xattrs().entrySet().stream()
                .filter(this::isShared)
                .limit(MAX_SHARED)
                .count();
        out.u32(0);
        out.u8((int) sharedIds);
        out.zeros(Xattr.HEADER_SIZE - Xattr.SHARED_COUNT - 1);
        long left = sharedIds;
        for (Map.Entry<String, byte[]> xattr : node.xattrs().entrySet()) {
            Long offset = left == 0 ? null : shared.get(new Key(xattr.getKey(), xattr.getValue()));
            if (offset != null) {
                out.u32(offset / Xattr.ALIGNMENT);
                left--;
            }
        }
        left = sharedIds;
        for (Map.Entry<String, byte[]> xattr : node.xattrs().entrySet()) {
            if (left > 0 && isShared(xattr)) {
                left--;
            } else {
                writeEntry(out, xattr.getKey(), xattr.getValue());
            }
        }
    }

    private static void writeEntry(ImageOutput out, String name, byte[] value) throws IOException {
        Split split = XattrPrefixes.split(name);
        if (split == null) {
            throw new AssertionError("was checked while planning: " + name);
        }
        out.u8(split.suffix().length());
        out.u8(split.index());
        out.u16(value.length);
        out.bytes(ByteStrings.bytes(split.suffix()));
        out.bytes(value);
        out.align(Xattr.ALIGNMENT);
    }
}
