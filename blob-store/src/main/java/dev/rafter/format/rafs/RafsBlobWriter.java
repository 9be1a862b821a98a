package dev.rafter.format.rafs;

import dev.rafter.digest.DigestAlgorithm;
import dev.rafter.format.rafs.RafsLayout.ChunkInfoV1;
import dev.rafter.format.rafs.RafsLayout.MetaHeader;
import dev.rafter.format.rafs.RafsLayout.TocEntry;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Writes the blob of a layer as a stream: {@link #addChunk} for every chunk, {@link #finishData}, then {@link #finish}. The same
 * chunks give the same bytes. Not thread safe.
 *
 * <p>Chunks follow one another in the blob as they come, and in the device at multiples of 4096 bytes.
 */
public final class RafsBlobWriter {
    private final WritableByteChannel target;
    private final Options options;
    private final PartEncoder encoder;
    private final MessageDigest sha256 = Sha256.newDigest();
    private final RafsBlobPlan plan;
    private final List<RafsToc.Entry> toc = new ArrayList<>();
    private long position;
    private @Nullable RafsBlob described;
    private ByteBuffer metaFile = ByteBuffer.allocate(0);
    private boolean finished;

    /**
     * What a blob is made of.
     *
     * @param chunkSizeBytes the most that a chunk has, a power of two from 4 KiB to 16 MiB
     * @param compressor of the chunks and of what describes them: NONE, LZ4_BLOCK or ZSTD
     */
    public record Options(int chunkSizeBytes, Compressor compressor, DigestAlgorithm digestAlgorithm) {
        public Options {
            if (!RafsSuperblock.isChunkSize(chunkSizeBytes)) {
                throw new IllegalArgumentException(RafsSuperblock.chunkSizeProblem(chunkSizeBytes));
            }
            if (compressor == Compressor.GZIP) {
                throw new IllegalArgumentException("native blobs are not compressed with gzip");
            }
        }
    }

    /**
     * A blob that was written.
     *
     * @param blob as a blob table describes it, at index 0 (see {@link RafsBlob#atIndex})
     * @param chunks all of them
     * @param sizeBytes of the blob
     * @param metaFile its chunk infos, padded to 4096 bytes, and their header: what a bootstrap layer may bring along
     */
    public record Written(RafsBlob blob, RafsChunks chunks, long sizeBytes, ByteBuffer metaFile) {
        /** SHA-256 of the blob, in hexadecimal: its id. */
        public String sha256() {
            return blob.id();
        }
    }

    /**
     * @param target gets the blob's bytes in order; not closed
     */
    public RafsBlobWriter(WritableByteChannel target, Options options, PartEncoder encoder) {
        this.target = target;
        this.options = options;
        this.encoder = encoder;
        this.plan = new RafsBlobPlan(options.chunkSizeBytes);
    }

    /** The chunks added so far. */
    public RafsChunks chunks() {
        return plan.chunks();
    }

    /**
     * Adds a chunk.
     *
     * @param digest of its decoded bytes, by the digest algorithm of the options
     * @param sizeBytes decoded
     * @param stored the chunk, compressed; or as it is, and then of exactly {@code sizeBytes}. Its position moves to its limit
     * @return the chunk: its number, and its place in the device
     */
    public RafsChunk addChunk(byte[] digest, int sizeBytes, ByteBuffer stored) throws IOException {
        if (described != null) {
            throw new IllegalStateException("data are already finished");
        }
        RafsChunk chunk = plan.add(digest, sizeBytes, stored.remaining());
        write(stored);
        return chunk;
    }

    /**
     * Ends the data, and writes what describes them.
     *
     * @param bootstrapFollows whether {@link #finish} will be given the layer's own bootstrap
     * @return the blob as the layer's own bootstrap has to describe it: it lies inside the blob, and so does not know its digest
     */
    public RafsBlob finishData(boolean bootstrapFollows) throws IOException {
        if (described != null) {
            throw new IllegalStateException("data are already finished");
        }
        RafsChunks written = chunks();
        endData();
        int features = BlobFeatures.NATIVE | (bootstrapFollows ? BlobFeatures.INLINED_FS_META : 0);
        RafsBlob.Meta meta = writeChunkInfos(written, features);
        writeDigests(written);
        described = new RafsBlob(
                RafsLayout.OWN_BLOB_ID,
                0,
                options.chunkSizeBytes,
                written.count(),
                options.compressor,
                options.digestAlgorithm,
                features,
                position,
                plan.deviceSizeBytes(),
                meta,
                RafsBlob.PinnedToc.NONE);
        return described;
    }

    /**
     * Ends the blob.
     *
     * @param bootstrap of the layer, a direct buffer, where {@link #finishData} announced it
     */
    public Written finish(Optional<ByteBuffer> bootstrap) throws IOException {
        RafsBlob own = described;
        if (own == null || finished) {
            throw new IllegalStateException(finished ? "the blob is already finished" : "data are not finished");
        }
        if (bootstrap.isPresent() != own.has(BlobFeatures.INLINED_FS_META)) {
            throw new IllegalArgumentException("bootstrap present=" + bootstrap.isPresent());
        }
        if (bootstrap.isPresent()) {
            writeBootstrap(bootstrap.get());
        }
        writeToc();
        finished = true;
        String id = HexFormat.of().formatHex(sha256.digest());
        RafsBlob blob = new RafsBlob(
                id,
                0,
                own.chunkSizeBytes(),
                own.chunkCount(),
                own.compressor(),
                own.digestAlgorithm(),
                BlobFeatures.NATIVE,
                position,
                own.deviceSizeBytes(),
                new RafsBlob.Meta(
                        own.meta().compressor(),
                        own.meta().offset(),
                        own.meta().storedSizeBytes(),
                        own.meta().sizeBytes(),
                        id),
                RafsBlob.PinnedToc.NONE);
        return new Written(blob, chunks(), position, metaFile);
    }

    /** The digest of the data covers their tar header too: so the reference tools do it. */
    private void endData() throws IOException {
        long size = position;
        write(RafsTarHeader.part(RafsToc.DATA, size));
        byte[] digest = Sha256.digestSoFar(sha256);
        toc.add(new RafsToc.Entry(RafsToc.DATA, Compressor.NONE, 0, size, plan.deviceSizeBytes(), digest));
    }

    private RafsBlob.Meta writeChunkInfos(RafsChunks written, int features) throws IOException {
        ByteBuffer infos = littleEndian(written.count() * ChunkInfoV1.SIZE);
        for (int i = 0; i < written.count(); i++) {
            putChunkInfo(infos, written.get(i));
        }
        RafsToc.Entry entry =
                writePart(RafsToc.META, options.compressor, infos.flip().duplicate());
        RafsBlob.Meta meta = new RafsBlob.Meta(
                entry.compressor(), entry.offset(), entry.storedSizeBytes(), entry.sizeBytes(), RafsLayout.OWN_BLOB_ID);
        ByteBuffer header = metaHeader(features, written.count(), meta);
        metaFile = metaFile(infos, header);
        writePart(RafsToc.META_HEADER, Compressor.NONE, header);
        write(RafsTarHeader.part(RafsToc.META, meta.fetchSizeBytes()));
        return meta;
    }

    private static void putChunkInfo(ByteBuffer infos, RafsChunk chunk) {
        long size = chunk.sizeBytes() - 1L;
        long stored = chunk.frameStoredSizeBytes() - 1L;
        infos.putLong(chunk.deviceOffset() | ((size >>> 20) << 8) | (size << 44));
        infos.putLong(chunk.frameOffset() | ((stored >>> 20) << 40) | (stored << 44));
    }

    private static ByteBuffer metaHeader(int features, int chunkCount, RafsBlob.Meta meta) {
        return littleEndian(MetaHeader.SIZE)
                .putInt(MetaHeader.MAGIC, MetaHeader.MAGIC_VALUE)
                .putInt(MetaHeader.FEATURES, features)
                .putInt(MetaHeader.COMPRESSOR, meta.compressor().number())
                .putInt(MetaHeader.ENTRIES, chunkCount)
                .putLong(MetaHeader.OFFSET, meta.offset())
                .putLong(MetaHeader.COMPRESSED_SIZE, meta.storedSizeBytes())
                .putLong(MetaHeader.UNCOMPRESSED_SIZE, meta.sizeBytes())
                .putInt(MetaHeader.MAGIC_AT_END, MetaHeader.MAGIC_VALUE);
    }

    private static ByteBuffer metaFile(ByteBuffer infos, ByteBuffer header) {
        int padded = (infos.remaining() + RafsLayout.TABLE_ALIGNMENT - 1) & -RafsLayout.TABLE_ALIGNMENT;
        return ByteBuffer.allocateDirect(padded + header.remaining())
                .put(0, infos, 0, infos.remaining())
                .put(padded, header, 0, header.remaining())
                .asReadOnlyBuffer();
    }

    private void writeDigests(RafsChunks written) throws IOException {
        ByteBuffer digests = littleEndian(written.count() * DigestAlgorithm.DIGEST_SIZE_BYTES);
        for (int i = 0; i < written.count(); i++) {
            digests.put(written.get(i).digest());
        }
        RafsToc.Entry entry = writePart(RafsToc.DIGESTS, Compressor.NONE, digests.flip());
        write(RafsTarHeader.part(RafsToc.DIGESTS, entry.storedSizeBytes()));
    }

    private void writeBootstrap(ByteBuffer bootstrap) throws IOException {
        RafsToc.Entry entry = writePart(RafsToc.BOOTSTRAP, Compressor.ZSTD, bootstrap);
        write(RafsTarHeader.part(RafsToc.BOOTSTRAP, entry.storedSizeBytes()));
    }

    /** Writes a part, compressed if that makes it smaller, and enters it in the table of contents. */
    private RafsToc.Entry writePart(String name, Compressor compressor, ByteBuffer part) throws IOException {
        long offset = position;
        long size = part.remaining();
        MessageDigest digest = Sha256.newDigest();
        digest.update(part.duplicate());
        Optional<ByteBuffer> encoded =
                compressor == Compressor.NONE ? Optional.empty() : encoder.encode(compressor, part.duplicate());
        write(encoded.orElse(part));
        RafsToc.Entry entry = new RafsToc.Entry(
                name,
                encoded.isPresent() ? compressor : Compressor.NONE,
                offset,
                position - offset,
                size,
                digest.digest());
        toc.add(entry);
        return entry;
    }

    private void writeToc() throws IOException {
        ByteBuffer entries = littleEndian(toc.size() * TocEntry.SIZE);
        for (int i = 0; i < toc.size(); i++) {
            putTocEntry(entries.slice(i * TocEntry.SIZE, TocEntry.SIZE).order(ByteOrder.LITTLE_ENDIAN), toc.get(i));
        }
        write(entries);
        write(RafsTarHeader.part(RafsToc.OWN_NAME, (long) toc.size() * TocEntry.SIZE));
    }

    private static void putTocEntry(ByteBuffer target, RafsToc.Entry entry) {
        target.putInt(TocEntry.FLAGS, entry.compressor().tocFlag())
                .put(TocEntry.NAME, entry.name().getBytes(StandardCharsets.US_ASCII))
                .put(TocEntry.DIGEST, entry.digest())
                .putLong(TocEntry.OFFSET, entry.offset())
                .putLong(TocEntry.COMPRESSED_SIZE, entry.storedSizeBytes())
                .putLong(TocEntry.UNCOMPRESSED_SIZE, entry.sizeBytes());
    }

    private void write(ByteBuffer bytes) throws IOException {
        sha256.update(bytes.duplicate());
        position += bytes.remaining();
        while (bytes.hasRemaining()) {
            target.write(bytes);
        }
    }

    private static ByteBuffer littleEndian(int size) {
        return ByteBuffer.allocateDirect(size).order(ByteOrder.LITTLE_ENDIAN);
    }
}
