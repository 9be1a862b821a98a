package dev.rafter.image;

import dev.rafter.codec.Codec;
import dev.rafter.codec.CorruptFrameException;
import dev.rafter.codec.Decoder;
import dev.rafter.fetch.BlobSource;
import dev.rafter.format.CorruptImageException;
import dev.rafter.format.rafs.RafsBlob;
import dev.rafter.format.rafs.RafsBlobMeta;
import dev.rafter.format.rafs.RafsBootstrap;
import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.ReadableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;

/**
 * The chunk infos of blobs whose bootstrap does not tell where chunks are stored, in files of the form that bootstrap layers carry them
 * in: the decoded infos, zeros up to a multiple of 4096 bytes, and the header of 4096 bytes.
 */
final class BlobMetas {
    static final String SUFFIX = ".blob.meta";

    private static final int ALIGNMENT = 4096;

    private BlobMetas() {}

    static boolean areNeeded(RafsBootstrap bootstrap, RafsBlob blob) {
        return bootstrap.needsMeta(blob) && !blob.isZran();
    }

    /** Fetches them into a file. */
    static void fetch(RafsBlob blob, BlobSource source, Path file, Duration timeout) throws IOException {
        ByteBuffer stored =
                ByteBuffer.allocateDirect(Math.toIntExact(blob.meta().fetchSizeBytes()));
        try (ReadableByteChannel range = source.open(blob.meta().offset(), stored.remaining(), timeout)) {
            while (stored.hasRemaining()) {
                if (range.read(stored) < 0) {
                    throw new EOFException(source.describe() + " ended within its chunk infos");
                }
            }
        }
        int infosBytes = Math.toIntExact(blob.meta().storedSizeBytes());
        ByteBuffer infos = decoded(blob, stored.slice(0, infosBytes), source.describe());
        ByteBuffer padding = ByteBuffer.allocate(-infos.remaining() & (ALIGNMENT - 1));
        ByteBuffer header = stored.slice(infosBytes, stored.capacity() - infosBytes);
        try (FileChannel out = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            for (ByteBuffer part : new ByteBuffer[] {infos, padding, header}) {
                while (part.hasRemaining()) {
                    out.write(part);
                }
            }
        }
    }

    private static ByteBuffer decoded(RafsBlob blob, ByteBuffer stored, String resource) throws CorruptImageException {
        Codec codec = ChunkMaps.codec(blob.meta().compressor());
        if (codec == Codec.NONE || blob.meta().storedSizeBytes() == blob.meta().sizeBytes()) {
            return stored;
        }
        ByteBuffer infos = ByteBuffer.allocateDirect(Math.toIntExact(blob.meta().sizeBytes()));
        try (Decoder decoder = codec.newDecoder()) {
            decoder.decode(stored, infos);
        } catch (CorruptFrameException e) {
            throw new CorruptImageException(
                    "its chunk infos are broken: " + e.getMessage(),
                    resource,
                    blob.meta().offset(),
                    e);
        }
        return infos.flip();
    }

    /** Reads them from a file. */
    static RafsBlobMeta read(RafsBlob blob, Path file, String resource) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file));
        int infosBytes = Math.toIntExact(blob.meta().sizeBytes());
        int headerAt = Math.ceilDiv(infosBytes, ALIGNMENT) * ALIGNMENT;
        if (bytes.remaining() != headerAt + ALIGNMENT) {
            throw new CorruptImageException(
                    bytes.remaining() + " bytes do not hold its chunk infos",
                    file.toString(),
                    CorruptImageException.NO_OFFSET);
        }
        return RafsBlobMeta.parse(
                blob,
                MemorySegment.ofBuffer(bytes.slice(0, infosBytes)),
                MemorySegment.ofBuffer(bytes.slice(headerAt, ALIGNMENT)),
                resource);
    }
}
