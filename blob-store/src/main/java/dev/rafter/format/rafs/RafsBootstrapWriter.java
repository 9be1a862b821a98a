package dev.rafter.format.rafs;

import dev.rafter.digest.DigestAlgorithm;
import dev.rafter.format.FileNode;
import dev.rafter.format.UnrepresentableFileException;
import dev.rafter.format.erofs.Device;
import dev.rafter.format.erofs.Dialect;
import dev.rafter.format.erofs.ErofsLayout;
import dev.rafter.format.erofs.ErofsOptions;
import dev.rafter.format.erofs.ErofsWriter;
import dev.rafter.format.rafs.RafsLayout.Extension;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Writes a tree as a bootstrap of RAFS v6: the EROFS image of its metadata, and the tables of its blobs and chunks. The same tree, blobs
 * and options give the same bytes.
 *
 * <p>Regular files must be {@link FileNode.Contents.Chunks} of the image's chunk size without holes, and refer to device {@code i + 1}
 * for blob {@code i}. Times are kept with their nanoseconds.
 */
public final class RafsBootstrapWriter {
    private static final int BLOCK_BITS = 12;
    private static final int BLOCK_SIZE = 1 << BLOCK_BITS;
    /** Where blobs begin in the image seen as one flat device: the alignment of the reference tools. */
    private static final long FLAT_ALIGNMENT = 0x80000;

    private final List<Contents> contents;
    private final Options options;
    private final UsedChunks used;
    private final ErofsWriter erofs;
    private final MemorySegment image;

    /**
     * What a blob that the image refers to contains.
     *
     * @param chunks at least those that files use
     * @param deviceSizeBytes of all its chunks, decoded, with the gaps between them
     */
    public record Contents(RafsChunks chunks, long deviceSizeBytes) {}

    /**
     * What applies to the image as a whole.
     *
     * @param chunkSizeBytes a power of two from 4 KiB to 16 MiB; all but the last chunk of a file have this size
     * @param compressor of most of its chunks; each blob says its own
     * @param prefetch files and directories to be fetched first, in order; of the tree
     */
    public record Options(
            int chunkSizeBytes, Compressor compressor, DigestAlgorithm digestAlgorithm, List<FileNode> prefetch) {
        public Options {
            if (!RafsSuperblock.isChunkSize(chunkSizeBytes)) {
                throw new IllegalArgumentException(RafsSuperblock.chunkSizeProblem(chunkSizeBytes));
            }
            prefetch = List.copyOf(prefetch);
        }
    }

    private RafsBootstrapWriter(FileNode root, List<Contents> contents, Options options, Arena arena)
            throws UnrepresentableFileException {
        this.contents = List.copyOf(contents);
        this.options = options;
        this.used = UsedChunks.of(root, contents.stream().map(Contents::chunks).toList());
        this.erofs = ErofsWriter.layOut(root, erofsOptions());
        this.image = draw(arena);
        putFlatAddresses();
    }

    /**
     * Draws a bootstrap that lacks only the names of its blobs: so a blob can be written at the same time, whose digest is its name.
     *
     * @param contents of its blobs, at most 254
     * @param arena where the bootstrap is allocated
     * @throws UnrepresentableFileException if a file has what EROFS has no place for
     * @throws IllegalArgumentException if a file's chunks are not those of the blobs
     */
    public static RafsBootstrapWriter draw(FileNode root, List<Contents> contents, Options options, Arena arena)
            throws UnrepresentableFileException {
        if (contents.size() > RafsLayout.MAX_BLOBS) {
            throw new IllegalArgumentException(contents.size() + " blobs, at most " + RafsLayout.MAX_BLOBS);
        }
        return new RafsBootstrapWriter(root, contents, options, arena);
    }

    /**
     * Enters the blobs.
     *
     * @param blobs in the order of their contents: native ones without batches, each with at least one chunk
     * @return the bootstrap
     * @throws IllegalArgumentException if they are others than was said, or one cannot be in a bootstrap of ours
     */
    public MemorySegment finish(List<RafsBlob> blobs) {
        if (blobs.size() != contents.size()) {
            throw new IllegalArgumentException(blobs.size() + " blobs, not " + contents.size());
        }
        for (int i = 0; i < blobs.size(); i++) {
            enter(i, blobs.get(i));
        }
        return image;
    }

    private void enter(int index, RafsBlob blob) {
        if (blob.isBatched() || blob.isZran() || blob.chunkCount() == 0) {
            throw new IllegalArgumentException("blob " + blob.id() + " is empty, batched or a gzip layer");
        }
        if (blob.deviceSizeBytes() != contents.get(index).deviceSizeBytes) {
            throw new IllegalArgumentException("blob " + blob.id() + " has a device of " + blob.deviceSizeBytes()
                    + " bytes, not " + contents.get(index).deviceSizeBytes);
        }
        deviceSlot(index).put(ErofsLayout.DeviceSlot.TAG, blob.id().getBytes(StandardCharsets.US_ASCII));
        BlobTable.putEntry(
                littleEndian(image, erofs.tablesOffset() + (long) index * RafsLayout.Blob.SIZE, RafsLayout.Blob.SIZE),
                blob.atIndex(index));
    }

    private ByteBuffer deviceSlot(int index) {
        long slot = RafsLayout.DEVICE_TABLE_OFFSET + (long) index * RafsLayout.DEVICE_SLOT_SIZE;
        return littleEndian(image, slot, RafsLayout.DEVICE_SLOT_SIZE);
    }

    private ErofsOptions erofsOptions() {
        return ErofsOptions.builder()
                .dialect(Dialect.RAFS_V6)
                .blockBits(BLOCK_BITS)
                .compactInodes(false)
                .devices(contents.stream().map(RafsBootstrapWriter::device).toList())
                .extensionSize(Extension.SIZE)
                .tablesSize(blobTableSize() + prefetchTableSize())
                .chunkBits(Integer.numberOfTrailingZeros(options.chunkSizeBytes))
                .contiguousFilesAsOneChunk(true)
                .build();
    }

    /** Where it begins in the flat device is only known when the image has a size: see {@link #putFlatAddresses}. */
    private static Device device(Contents blob) {
        return new Device("", blocks(blob), 0);
    }

    private static long blocks(Contents blob) {
        return Math.ceilDiv(blob.deviceSizeBytes, BLOCK_SIZE);
    }

    private int blobTableSize() {
        return contents.size() * RafsLayout.Blob.SIZE;
    }

    private int prefetchTableSize() {
        return options.prefetch.size() * Integer.BYTES;
    }

    private MemorySegment draw(Arena arena) {
        long chunkTable = erofs.size();
        long size = chunkTable + up(used.tableSizeBytes(), RafsLayout.TABLE_ALIGNMENT);
        if (size > RafsLayout.MAX_BOOTSTRAP_SIZE) {
            throw new IllegalArgumentException(
                    "bootstrap of " + size + " bytes, at most " + RafsLayout.MAX_BOOTSTRAP_SIZE);
        }
        MemorySegment drawn = arena.allocate(size, Long.BYTES);
        erofs.write(drawn);
        putExtension(littleEndian(drawn, RafsLayout.EXTENSION_OFFSET, Extension.SIZE), chunkTable);
        putPrefetchTable(littleEndian(drawn, erofs.tablesOffset() + blobTableSize(), prefetchTableSize()));
        used.putTable(littleEndian(drawn, chunkTable, used.tableSizeBytes()));
        return drawn;
    }

    private void putExtension(ByteBuffer extension, long chunkTable) {
        extension
                .putLong(Extension.FLAGS, flags())
                .putLong(Extension.BLOB_TABLE_OFFSET, erofs.tablesOffset())
                .putInt(Extension.BLOB_TABLE_SIZE, blobTableSize())
                .putInt(Extension.CHUNK_SIZE, options.chunkSizeBytes)
                .putLong(Extension.CHUNK_TABLE_OFFSET, chunkTable)
                .putLong(Extension.CHUNK_TABLE_SIZE, used.tableSizeBytes())
                .putLong(Extension.PREFETCH_TABLE_OFFSET, erofs.tablesOffset() + blobTableSize())
                .putInt(Extension.PREFETCH_TABLE_SIZE, prefetchTableSize());
    }

    private long flags() {
        return options.compressor.superblockFlag()
                | (options.digestAlgorithm == DigestAlgorithm.SHA256
                        ? Extension.FLAG_DIGEST_SHA256
                        : Extension.FLAG_DIGEST_BLAKE3)
                | Extension.FLAG_EXPLICIT_OWNER
                | (used.treeHasXattrs() ? Extension.FLAG_HAS_XATTR : 0)
                | Extension.FLAG_INLINED_CHUNK_DIGEST
                | Extension.FLAG_ENCRYPTION_NONE;
    }

    private void putFlatAddresses() {
        long address = up(image.byteSize(), FLAT_ALIGNMENT);
        for (int i = 0; i < contents.size(); i++) {
            deviceSlot(i).putInt(ErofsLayout.DeviceSlot.MAPPED_BLOCK, flatBlock(address));
            address = up(address + blocks(contents.get(i)) * BLOCK_SIZE, FLAT_ALIGNMENT);
        }
    }

    /** Zero, "nowhere", for blobs behind the 16 TiB that 32 bits reach: only a reader without devices would miss it. */
    private static int flatBlock(long address) {
        long block = address >>> BLOCK_BITS;
        return block > 0xFFFF_FFFFL ? 0 : (int) block;
    }

    private void putPrefetchTable(ByteBuffer table) {
        options.prefetch.forEach(node -> table.putInt((int) erofs.nid(node)));
    }

    private static ByteBuffer littleEndian(MemorySegment image, long offset, long size) {
        return image.asSlice(offset, size).asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }

    private static long up(long value, long unit) {
        return (value + unit - 1) & -unit;
    }
}
