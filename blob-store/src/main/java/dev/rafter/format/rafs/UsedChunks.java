package dev.rafter.format.rafs;

import dev.rafter.format.FileNode;
import dev.rafter.format.FileNode.ChunkRef;
import dev.rafter.format.FileNode.Contents;
import dev.rafter.format.rafs.RafsLayout.Chunk;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collections;
import java.util.Comparator;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;

/** The distinct chunks that the files of a tree use, in the order of the chunk table: by digest, then by blob. */
final class UsedChunks {
    /** The order of the reference tools' table, which they keep as a map. */
    private static final Comparator<Entry> TABLE_ORDER = Comparator.<Entry, byte[]>comparing(
                    entry -> entry.chunk.digest(), Arrays::compareUnsigned)
            .thenComparingInt(entry -> entry.blob)
            .thenComparingInt(entry -> entry.chunk.index());

    private final List<RafsChunks> blobs;
    private final List<BitSet> seen = new ArrayList<>();
    private final List<Entry> entries = new ArrayList<>();
    private boolean xattrs;

    private UsedChunks(List<RafsChunks> blobs) {
        this.blobs = blobs;
        blobs.forEach(_ -> seen.add(new BitSet()));
    }

    /**
     * A chunk in use.
     *
     * @param fileOffset where it stands in the first file that uses it
     */
    private record Entry(RafsChunk chunk, int blob, long fileOffset) {}

    /**
     * Collects the chunks of a tree; files in the order of a walk by name, so that the result only depends on the tree.
     *
     * @throws IllegalArgumentException if a file refers to a chunk that is not among those of the blobs, or of other size or place
     */
    static UsedChunks of(FileNode root, List<RafsChunks> blobs) {
        UsedChunks used = new UsedChunks(blobs);
        Set<FileNode> visited = Collections.newSetFromMap(new IdentityHashMap<>());
        Deque<FileNode> open = new ArrayDeque<>();
        open.push(root);
        while (!open.isEmpty()) {
            FileNode node = open.pop();
            if (visited.add(node)) {
                used.xattrs |= !node.xattrs().isEmpty();
                used.addFile(node);
                node.children().descendingMap().values().forEach(open::push);
            }
        }
        used.entries.sort(TABLE_ORDER);
        return used;
    }

    private void addFile(FileNode file) {
        if (file.contents() instanceof Contents.Chunks chunks) {
            long offset = 0;
            for (ChunkRef chunk : chunks.chunks()) {
                add(chunk, offset);
                offset += chunk.size();
            }
        }
    }

    private void add(ChunkRef ref, long fileOffset) {
        if (ref.device() < 1 || ref.device() > blobs.size()) {
            throw new IllegalArgumentException("a file refers to device " + ref.device() + " of " + blobs.size());
        }
        BitSet known = seen.get(ref.device() - 1);
        if (known.get(ref.index())) {
            return;
        }
        known.set(ref.index());
        RafsChunks chunks = blobs.get(ref.device() - 1);
        int position = chunks.positionOf(ref.index());
        if (position < 0
                || chunks.deviceOffset(position) != ref.deviceOffset()
                || chunks.sizeBytes(position) != ref.size()) {
            throw new IllegalArgumentException("a file refers to a chunk that its blob does not have: " + ref);
        }
        entries.add(new Entry(chunks.get(position), ref.device() - 1, fileOffset));
    }

    /** Whether any file of the tree has xattrs: the walk passes them all. */
    boolean treeHasXattrs() {
        return xattrs;
    }

    int tableSizeBytes() {
        return Math.multiplyExact(entries.size(), Chunk.SIZE);
    }

    /**
     * Writes the chunk table.
     *
     * @param target little endian
     */
    void putTable(ByteBuffer target) {
        for (int i = 0; i < entries.size(); i++) {
            put(target, i * Chunk.SIZE, entries.get(i));
        }
    }

    private static void put(ByteBuffer target, int at, Entry entry) {
        RafsChunk chunk = entry.chunk;
        boolean compressed = chunk.frameStoredSizeBytes() != chunk.frameSizeBytes();
        target.put(at + Chunk.DIGEST, chunk.digest())
                .putInt(at + Chunk.BLOB_INDEX, entry.blob)
                .putInt(at + Chunk.FLAGS, compressed ? Chunk.FLAG_COMPRESSED : 0)
                .putInt(at + Chunk.COMPRESSED_SIZE, chunk.frameStoredSizeBytes())
                .putInt(at + Chunk.UNCOMPRESSED_SIZE, chunk.sizeBytes())
                .putLong(at + Chunk.COMPRESSED_OFFSET, chunk.frameOffset())
                .putLong(at + Chunk.UNCOMPRESSED_OFFSET, chunk.deviceOffset())
                .putLong(at + Chunk.FILE_OFFSET, entry.fileOffset)
                .putInt(at + Chunk.INDEX, chunk.index());
    }
}
