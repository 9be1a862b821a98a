package dev.rafter.format.rafs;

import dev.rafter.digest.DigestAlgorithm;
import dev.rafter.format.CorruptImageException;
import dev.rafter.format.FileNode.ChunkRef;
import dev.rafter.format.FileType;
import dev.rafter.format.ImageBytes;
import dev.rafter.format.ImageException;
import dev.rafter.format.Inode;
import dev.rafter.format.UnsupportedImageException;
import dev.rafter.format.erofs.Device;
import dev.rafter.format.erofs.Dialect;
import dev.rafter.format.erofs.ErofsImage;
import dev.rafter.format.erofs.ErofsLayout;
import dev.rafter.format.erofs.Superblock;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * A bootstrap of RAFS v6: an EROFS image whose regular files lie in blobs, and the tables that say where each chunk of a blob is stored
 * and what its digest is. Parsing checks everything that stands alone; {@link #validate} checks all the rest. Immutable, as thread safe
 * as the segment that it reads.
 */
public final class RafsBootstrap {
    private final ImageBytes image;
    private final ErofsImage filesystem;
    private final RafsSuperblock superblock;
    private final List<RafsBlob> blobs;
    private final ChunkTable table;
    private final FileChunks fileChunks;

    private RafsBootstrap(
            ImageBytes image,
            ErofsImage filesystem,
            RafsSuperblock superblock,
            List<RafsBlob> blobs,
            ChunkTable table) {
        this.image = image;
        this.filesystem = filesystem;
        this.superblock = superblock;
        this.blobs = blobs;
        this.table = table;
        this.fileChunks = new FileChunks(image, filesystem, superblock.chunkSizeBytes(), blobs, table);
    }

    /**
     * Parses a bootstrap.
     *
     * @param bytes the whole of it; must stay alive and unchanged as long as the result is used
     * @param resource what to call it in errors
     * @throws UnsupportedImageException if it is of version 5, encrypted, or uses something else that is not supported
     */
    public static RafsBootstrap parse(MemorySegment bytes, String resource) throws ImageException {
        ImageBytes image = new ImageBytes(bytes, resource);
        checkVersion(image);
        ErofsImage filesystem = ErofsImage.open(bytes, resource, ErofsImage.Devices.SEPARATE, Dialect.RAFS_V6);
        checkSuperblock(image, filesystem.superblock());
        RafsSuperblock superblock = RafsSuperblock.read(image);
        List<RafsBlob> blobs = BlobTable.read(image, superblock);
        checkDevices(image, filesystem, blobs);
        ChunkTable table = ChunkTable.read(image, superblock, blobs);
        return new RafsBootstrap(image, filesystem, superblock, blobs, table);
    }

    /**
     * How many chunks a bootstrap has in its table: what parsing it, and keeping what it says of them, takes memory for.
     *
     * @param bytes the whole of it
     */
    public static int countChunks(MemorySegment bytes, String resource) throws ImageException {
        return RafsSuperblock.read(new ImageBytes(bytes, resource)).chunkCount();
    }

    /** Takes chunks. */
    public interface ChunkSink {
        void accept(RafsChunk chunk) throws CorruptImageException;
    }

    /** Whether these are the first bytes of a RAFS v6 bootstrap, which may still be a broken one. 1152 bytes are enough. */
    public static boolean isRafsV6(MemorySegment start) {
        ImageBytes image = new ImageBytes(start, "");
        try {
            return image.u32(ErofsLayout.SUPERBLOCK_OFFSET + ErofsLayout.SuperblockHeader.MAGIC, "magic")
                            == ErofsLayout.MAGIC
                    && (compatFeatures(image) & ErofsLayout.COMPAT_RAFS_V6) != 0;
        } catch (CorruptImageException _) {
            return false;
        }
    }

    private static void checkVersion(ImageBytes image) throws ImageException {
        if (image.length() > RafsLayout.MAX_BOOTSTRAP_SIZE) {
            throw image.corrupt(
                    "bootstrap of " + image.length() + " bytes, at most " + RafsLayout.MAX_BOOTSTRAP_SIZE,
                    CorruptImageException.NO_OFFSET);
        }
        if (image.u32(0, "the superblock") == RafsLayout.V5_MAGIC) {
            throw image.unsupported(
                    "RAFS version 5: convert the image again, with `rafter convert` or with --fs-version 6", 0);
        }
    }

    private static long compatFeatures(ImageBytes image) throws CorruptImageException {
        return image.u32(
                ErofsLayout.SUPERBLOCK_OFFSET + ErofsLayout.SuperblockHeader.FEATURE_COMPAT, "compatible features");
    }

    private static void checkSuperblock(ImageBytes image, Superblock erofs) throws ImageException {
        int required = ErofsLayout.INCOMPAT_CHUNKED_FILE | ErofsLayout.INCOMPAT_DEVICE_TABLE;
        if ((compatFeatures(image) & ErofsLayout.COMPAT_RAFS_V6) == 0) {
            throw image.corrupt(
                    "an EROFS image, not a RAFS bootstrap",
                    ErofsLayout.SUPERBLOCK_OFFSET + ErofsLayout.SuperblockHeader.FEATURE_COMPAT);
        }
        if (erofs.featureIncompat() != required) {
            throw image.unsupported(
                    "EROFS features 0x%x, RAFS v6 has 0x%x".formatted(erofs.featureIncompat(), required),
                    ErofsLayout.SUPERBLOCK_OFFSET + ErofsLayout.SuperblockHeader.FEATURE_INCOMPAT);
        }
        if (erofs.deviceTableOffset() != RafsLayout.DEVICE_TABLE_OFFSET) {
            throw image.corrupt(
                    "device table at " + erofs.deviceTableOffset() + " instead of " + RafsLayout.DEVICE_TABLE_OFFSET,
                    ErofsLayout.SUPERBLOCK_OFFSET + ErofsLayout.SuperblockHeader.DEVICE_TABLE_SLOT);
        }
    }

    private static void checkDevices(ImageBytes image, ErofsImage filesystem, List<RafsBlob> blobs)
            throws CorruptImageException {
        List<Device> devices = filesystem.devices();
        if (devices.size() != blobs.size()) {
            throw image.corrupt(
                    devices.size() + " devices, but " + blobs.size() + " blobs", RafsLayout.DEVICE_TABLE_OFFSET);
        }
        int blockSize = filesystem.superblock().blockSize();
        for (int i = 0; i < blobs.size(); i++) {
            long slot = RafsLayout.DEVICE_TABLE_OFFSET + (long) i * RafsLayout.DEVICE_SLOT_SIZE;
            if (!devices.get(i).tag().equals(blobs.get(i).id())) {
                throw image.corrupt(
                        "device " + (i + 1) + " is not blob " + blobs.get(i).id(), slot);
            }
            long blocks = devices.get(i).blocks();
            if (blocks == 0 || blocks > (blobs.get(i).deviceSizeBytes() + blockSize - 1) / blockSize) {
                throw image.corrupt(
                        "device " + (i + 1) + " has " + blocks + " blocks, its blob "
                                + blobs.get(i).deviceSizeBytes() + " bytes",
                        slot);
            }
        }
    }

    /** The image as the kernel sees it. */
    public ErofsImage filesystem() {
        return filesystem;
    }

    /** The blobs, by index; the device of blob i is device i + 1. */
    public List<RafsBlob> blobs() {
        return blobs;
    }

    /** Bytes of every chunk but the last of a file. */
    public int chunkSizeBytes() {
        return superblock.chunkSizeBytes();
    }

    public DigestAlgorithm digestAlgorithm() {
        return superblock.digestAlgorithm();
    }

    public Compressor compressor() {
        return superblock.compressor();
    }

    /**
     * The inodes whose files are worth fetching before they are asked for, in that order: numbers of {@link #filesystem()}. The root
     * alone stands for the whole image. A number need not exist.
     */
    public List<Long> prefetchInodes() throws CorruptImageException {
        List<Long> inodes = new ArrayList<>();
        for (int i = 0; i < superblock.prefetchCount(); i++) {
            long nid = image.u32(superblock.prefetchTableOffset() + (long) i * Integer.BYTES, "a prefetch entry");
            if (nid == 0) {
                break;
            }
            inodes.add(nid);
        }
        return inodes;
    }

    /** The chunks of a regular file, in its order, each checked against the chunk table. */
    public List<ChunkRef> fileChunks(Inode file) throws ImageException {
        List<ChunkRef> chunks = new ArrayList<>();
        fileChunks.forEach(file, chunks::add);
        return chunks;
    }

    /**
     * Checks everything that can be reached: the tree as {@link ErofsImage#validate} does, the chunks of every file, and where the
     * chunks of every blob are stored.
     *
     * @param visitor shown every name
     */
    public void validate(ErofsImage.Visitor visitor) throws IOException {
        for (RafsBlob blob : blobs) {
            if (!needsMeta(blob)) {
                forEachChunk(blob, _ -> {});
            }
        }
        ChunkCheck check = new ChunkCheck();
        filesystem.validate((at, inode) -> {
            check.check(inode);
            visitor.visit(at, inode);
        });
    }

    /** Checks the chunks of each file once, and bounds the work: chunk indexes that lie over one another could ask for any amount. */
    private final class ChunkCheck {
        private final BitSet checked = new BitSet();
        private long indexBytes;

        void check(Inode inode) throws ImageException {
            if (inode.type() != FileType.REGULAR || checked.get((int) inode.number())) {
                return;
            }
            checked.set((int) inode.number());
            indexBytes += Math.ceilDiv(inode.size(), chunkSizeBytes()) * ErofsLayout.Chunk.INDEX_SIZE;
            if (indexBytes > image.length()) {
                throw image.corrupt(
                        "chunk indexes overlap: those of the files so far have " + indexBytes
                                + " bytes, in an image of " + image.length(),
                        CorruptImageException.NO_OFFSET);
            }
            fileChunks.forEach(inode, _ -> {});
        }
    }

    /** Checks everything that can be reached. */
    public void validate() throws IOException {
        validate((_, _) -> {});
    }

    /** How many chunks of a blob this image uses. */
    public int chunkCount(RafsBlob blob) {
        return table.firstOf(blob.index() + 1) - table.firstOf(blob.index());
    }

    /**
     * The chunks of a blob that this image uses, as the bootstrap alone tells: no request is needed.
     *
     * @throws IllegalArgumentException for batched blobs and gzip layers, which take their chunk infos to be understood
     */
    public RafsChunks chunks(RafsBlob blob) throws CorruptImageException {
        RafsChunks.Builder chunks = new RafsChunks.Builder(chunkCount(blob));
        forEachChunk(blob, chunks::add);
        return chunks.build();
    }

    /** Shows the chunks of {@link #chunks(RafsBlob)} in their order. */
    public void forEachChunk(RafsBlob blob, ChunkSink sink) throws CorruptImageException {
        if (needsMeta(blob)) {
            throw new IllegalArgumentException("blob " + blob.id() + " needs its chunk infos");
        }
        for (int place = table.firstOf(blob.index()); place < table.firstOf(blob.index() + 1); place++) {
            sink.accept(table.single(place));
        }
    }

    /** Whether where chunks are stored is only told by the chunk infos in the blob. */
    public boolean needsMeta(RafsBlob blob) {
        return blob.isBatched() || blob.isZran();
    }

    /**
     * The chunks of a batched blob that this image uses.
     *
     * @throws UnsupportedImageException for gzip layers (zran)
     */
    public RafsChunks chunks(RafsBlob blob, RafsBlobMeta meta) throws ImageException {
        RafsChunks.Builder chunks = new RafsChunks.Builder(chunkCount(blob));
        forEachChunk(blob, meta, chunks::add);
        return chunks.build();
    }

    /** Shows the chunks of {@link #chunks(RafsBlob, RafsBlobMeta)} in their order. */
    public void forEachChunk(RafsBlob blob, RafsBlobMeta meta, ChunkSink sink) throws ImageException {
        if (blob.isZran()) {
            throw image.unsupported(
                    "chunks of the gzip layer " + blob.id() + " (OCI-ref)", CorruptImageException.NO_OFFSET);
        }
        for (int place = table.firstOf(blob.index()); place < table.firstOf(blob.index() + 1); place++) {
            RafsChunk chunk = meta.chunk(table.indexAt(place), table.digest(place));
            if (chunk.deviceOffset() != table.deviceOffset(place) || chunk.sizeBytes() != table.sizeBytes(place)) {
                throw table.corrupt(
                        place,
                        "the bootstrap says " + table.sizeBytes(place) + " bytes at " + table.deviceOffset(place)
                                + ", its blob " + chunk.sizeBytes() + " at " + chunk.deviceOffset());
            }
            sink.accept(chunk);
        }
    }
}
