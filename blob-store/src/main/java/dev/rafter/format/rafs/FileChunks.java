package dev.rafter.format.rafs;

import dev.rafter.format.CorruptImageException;
import dev.rafter.format.Extent;
import dev.rafter.format.FileNode.ChunkRef;
import dev.rafter.format.ImageBytes;
import dev.rafter.format.ImageException;
import dev.rafter.format.Inode;
import dev.rafter.format.erofs.ErofsImage;
import dev.rafter.format.erofs.ErofsLayout;
import dev.rafter.format.erofs.ErofsLayout.InodeHeader;
import dev.rafter.format.erofs.Superblock;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The chunk indexes of regular files as RAFS means them: one for each chunk of the image's chunk size, with the number of the chunk in
 * its blob in bits that the kernel does not read.
 *
 * <p>The kernel sees the same indexes as addresses of chunks whose size the inode states. Usually both sizes agree; of a file whose
 * chunks follow one another in one blob the inode states a chunk size that covers all of it, so that the kernel reads the first index
 * only. Both views must give the same bytes.
 */
final class FileChunks {
    private final ImageBytes image;
    private final ErofsImage filesystem;
    private final int chunkSizeBytes;
    private final List<RafsBlob> blobs;
    private final ChunkTable table;

    FileChunks(ImageBytes image, ErofsImage filesystem, int chunkSizeBytes, List<RafsBlob> blobs, ChunkTable table) {
        this.image = image;
        this.filesystem = filesystem;
        this.chunkSizeBytes = chunkSizeBytes;
        this.blobs = blobs;
        this.table = table;
    }

    /**
     * Gives all chunks of a file in order, each checked: it is in the chunk table, has the right size, and lies where the kernel reads
     * it.
     */
    void forEach(Inode file, Consumer<ChunkRef> sink) throws ImageException {
        if (file.size() == 0) {
            return;
        }
        checkStatedChunkSize(file);
        Walk walk = new Walk(file, sink);
        filesystem.extents(file, walk);
        walk.finish();
    }

    /**
     * Goes over the chunks and what the kernel reads in the same order: neither of them is held, they may be millions. Each chunk has to be
     * read, in one piece, from where it lies.
     */
    private final class Walk implements Consumer<Extent> {
        private final Inode file;
        private final Consumer<ChunkRef> sink;
        private final ErofsImage.ChunkIndexes indexes;
        private int next;
        private @Nullable ImageException failure;

        Walk(Inode file, Consumer<ChunkRef> sink) throws ImageException {
            this.file = file;
            this.sink = sink;
            this.indexes = filesystem.chunkIndexes(file, chunkSizeBytes);
        }

        @Override
        public void accept(Extent kernel) {
            try {
                while (failure == null
                        && next < indexes.count()
                        && fileOffset() < kernel.fileOffset() + kernel.length()) {
                    step(kernel);
                }
            } catch (ImageException e) {
                failure = e;
            }
        }

        private long fileOffset() {
            return (long) next * chunkSizeBytes;
        }

        private void step(Extent kernel) throws ImageException {
            ChunkRef chunk = chunk(file, next, indexes.get(next));
            long into = fileOffset() - kernel.fileOffset();
            if (into < 0
                    || kernel.device() != chunk.device()
                    || kernel.deviceOffset() + into != chunk.deviceOffset()
                    || into + chunk.size() > kernel.length()) {
                throw corrupt(file, next, "the kernel reads it elsewhere");
            }
            sink.accept(chunk);
            next++;
        }

        void finish() throws ImageException {
            if (failure != null) {
                throw failure;
            }
            if (next < indexes.count()) {
                throw corrupt(file, next, "the kernel reads it elsewhere");
            }
        }
    }

    /** No more than it takes to cover the file: what goes beyond is nothing that a tool would write. */
    private void checkStatedChunkSize(Inode file) throws ImageException {
        Superblock erofs = filesystem.superblock();
        long inode = (erofs.metaBlock() << erofs.blockBits()) + file.number() * ErofsLayout.NID_UNIT;
        long format = image.u32(inode + InodeHeader.DATA, "chunk format");
        long stated = 1L << (erofs.blockBits() + (int) (format & ErofsLayout.Chunk.FORMAT_BITS));
        boolean halfCovers = stated / 2 >= file.size();
        if (stated > chunkSizeBytes && halfCovers) {
            throw image.corrupt(
                    "inode " + file.number() + ": chunks of " + stated + " bytes, in a file of " + file.size(),
                    inode + InodeHeader.DATA);
        }
    }

    /** Bits of an index: 0-15 number, low 16 bits; 16-23 blob + 1; 24-31 number, high 8 bits; 32-63 block in the device. */
    private ChunkRef chunk(Inode file, int i, long index) throws ImageException {
        int device = (int) ((index >>> 16) & 0xFF);
        int number = (int) ((index & 0xFFFF) | ((index >>> 24) & 0xFF) << 16);
        long deviceOffset = (index >>> 32) << filesystem.superblock().blockBits();
        int size = (int) Math.min(chunkSizeBytes, file.size() - (long) i * chunkSizeBytes);
        if (device == 0 || device > blobs.size()) {
            throw corrupt(file, i, "it lies in blob " + (device - 1) + " of " + blobs.size());
        }
        int place = table.find(device - 1, number);
        if (place < 0) {
            throw corrupt(file, i, "number " + number + " of blob " + (device - 1) + " is not in the chunk table");
        }
        if (table.deviceOffset(place) != deviceOffset || table.sizeBytes(place) != size) {
            throw corrupt(
                    file,
                    i,
                    size + " bytes at " + deviceOffset + " of its device, in the chunk table " + table.sizeBytes(place)
                            + " at " + table.deviceOffset(place));
        }
        return new ChunkRef(device, number, deviceOffset, size);
    }

    private CorruptImageException corrupt(Inode file, int chunk, String problem) {
        return image.corrupt(
                "inode " + file.number() + ": chunk " + chunk + ": " + problem, CorruptImageException.NO_OFFSET);
    }
}
