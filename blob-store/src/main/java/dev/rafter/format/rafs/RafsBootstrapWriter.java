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

    private final List<Blob> blobs;
    private final Options options;
    private final UsedChunks used;
    private final ErofsWriter erofs;

    /**
     * A blob that the image refers to.
     *
     * @param chunks at least those that files use
     */
    public record Blob(RafsBlob blob, RafsChunks chunks) {}

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

    private RafsBootstrapWriter(FileNode root, List<Blob> blobs, Options options) throws UnrepresentableFileException {
        this.blobs = blobs;
        this.options = options;
        this.used = UsedChunks.of(root, blobs);
        this.erofs = ErofsWriter.layOut(root, erofsOptions());
    }

    /**
     * Writes a bootstrap.
     *
     * @param blobs at most 254, native ones without batches, each with at least one chunk
     * @param arena where the bootstrap is allocated
     * @throws UnrepresentableFileException if a file has what EROFS has no place for
     * @throws IllegalArgumentException if a file's chunks are not those of the blobs, or a blob cannot be in a bootstrap of ours
     */
    public static MemorySegment write(FileNode root, List<Blob> blobs, Options options, Arena arena)
            throws UnrepresentableFileException {
        checkBlobs(blobs);
        return new RafsBootstrapWriter(root, blobs, options).write(arena);
    }

    private static void checkBlobs(List<Blob> blobs) {
        if (blobs.size() > RafsLayout.MAX_BLOBS) {
            throw new IllegalArgumentException(blobs.size() + " blobs, at most " + RafsLayout.MAX_BLOBS);
        }
        for (Blob blob : blobs) {
            RafsBlob described = blob.blob;
            if (described.isBatched() || described.isZran() || described.chunkCount() == 0) {
                throw new IllegalArgumentException("blob " + described.id() + " is empty, batched or a gzip layer");
            }
        }
    }

    private ErofsOptions erofsOptions() {
        return ErofsOptions.builder()
                .dialect(Dialect.RAFS_V6)
                .blockBits(BLOCK_BITS)
                .compactInodes(false)
                .devices(blobs.stream().map(RafsBootstrapWriter::device).toList())
                .extensionSize(Extension.SIZE)
                .tablesSize(blobTableSize() + prefetchTableSize())
                .chunkBits(Integer.numberOfTrailingZeros(options.chunkSizeBytes))
                .contiguousFilesAsOneChunk(true)
                .build();
    }

    /** Where it begins in the flat device is only known when the image has a size: see {@link #putFlatAddresses}. */
    private static Device device(Blob blob) {
        return new Device(blob.blob.id(), blocks(blob.blob), 0);
    }

    private static long blocks(RafsBlob blob) {
        return Math.ceilDiv(blob.deviceSizeBytes(), BLOCK_SIZE);
    }

    private int blobTableSize() {
        return blobs.size() * RafsLayout.Blob.SIZE;
    }

    private int prefetchTableSize() {
        return options.prefetch.size() * Integer.BYTES;
    }

    private MemorySegment write(Arena arena) {
        long chunkTable = erofs.size();
        long size = chunkTable + up(used.tableSizeBytes(), RafsLayout.TABLE_ALIGNMENT);
        if (size > RafsLayout.MAX_BOOTSTRAP_SIZE) {
            throw new IllegalArgumentException(
                    "bootstrap of " + size + " bytes, at most " + RafsLayout.MAX_BOOTSTRAP_SIZE);
        }
        MemorySegment image = arena.allocate(size, Long.BYTES);
        erofs.write(image);
        putExtension(littleEndian(image, RafsLayout.EXTENSION_OFFSET, Extension.SIZE), chunkTable);
        putFlatAddresses(image, size);
        for (int i = 0; i < blobs.size(); i++) {
            long entry = erofs.tablesOffset() + (long) i * RafsLayout.Blob.SIZE;
            BlobTable.putEntry(
                    littleEndian(image, entry, RafsLayout.Blob.SIZE),
                    blobs.get(i).blob.atIndex(i));
        }
        putPrefetchTable(image);
        used.putTable(littleEndian(image, chunkTable, used.tableSizeBytes()));
        return image;
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

    private void putFlatAddresses(MemorySegment image, long size) {
        long address = up(size, FLAT_ALIGNMENT);
        for (int i = 0; i < blobs.size(); i++) {
            long slot = RafsLayout.DEVICE_TABLE_OFFSET + (long) i * RafsLayout.DEVICE_SLOT_SIZE;
            littleEndian(image, slot, RafsLayout.DEVICE_SLOT_SIZE)
                    .putInt(ErofsLayout.DeviceSlot.MAPPED_BLOCK, flatBlock(address));
            address = up(address + blocks(blobs.get(i).blob) * BLOCK_SIZE, FLAT_ALIGNMENT);
        }
    }

    /** Zero, "nowhere", for blobs behind the 16 TiB that 32 bits reach: only a reader without devices would miss it. */
    private static int flatBlock(long address) {
        long block = address >>> BLOCK_BITS;
        return block > 0xFFFF_FFFFL ? 0 : (int) block;
    }

    private void putPrefetchTable(MemorySegment image) {
        ByteBuffer table = littleEndian(image, erofs.tablesOffset() + blobTableSize(), prefetchTableSize());
        options.prefetch.forEach(node -> table.putInt((int) erofs.nid(node)));
    }

    private static ByteBuffer littleEndian(MemorySegment image, long offset, long size) {
        return image.asSlice(offset, size).asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }

    private static long up(long value, long unit) {
        return (value + unit - 1) & -unit;
    }
}
