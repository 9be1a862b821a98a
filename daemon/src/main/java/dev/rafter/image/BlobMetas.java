package dev.rafter.image;

import dev.rafter.codec.Codec;
import dev.rafter.codec.CorruptFrameException;
import dev.rafter.codec.Decoder;
import dev.rafter.fetch.BlobSource;
import dev.rafter.format.CorruptImageException;
import dev.rafter.format.UnsupportedImageException;
import dev.rafter.format.rafs.RafsBlob;
import dev.rafter.format.rafs.RafsBlobMeta;
import dev.rafter.format.rafs.RafsBootstrap;
import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.ReadableByteChannel;
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
    /** Stored and decoded: those of a million chunks, while they are fetched. */
    private static final long MAX_BYTES = 64 << 20;

    private BlobMetas() {}

    static boolean areNeeded(RafsBootstrap bootstrap, RafsBlob blob) {
        return bootstrap.needsMeta(blob) && !blob.isZran();
    }

    /** Fetches them into a file. */
    static void fetch(RafsBlob blob, BlobSource source, Path file, Duration timeout) throws IOException {
        long needed = blob.meta().fetchSizeBytes() + blob.meta().sizeBytes();
        if (needed > MAX_BYTES) {
            throw new UnsupportedImageException(
                    "chunk infos of " + needed + " bytes, at most " + MAX_BYTES
                            + ": convert the image again with larger chunks",
                    source.describe(),
                    blob.meta().offset());
        }
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

    /** Lends them as a file has them. */
    static <T> T with(RafsBlob blob, Path file, String resource, Use<T> use) throws IOException {
        long infosBytes = blob.meta().sizeBytes();
        long headerAt = Math.ceilDiv(infosBytes, ALIGNMENT) * ALIGNMENT;
        try (Arena arena = Arena.ofConfined();
                FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            if (channel.size() != headerAt + ALIGNMENT) {
                throw new CorruptImageException(
                        channel.size() + " bytes do not hold its chunk infos",
                        file.toString(),
                        CorruptImageException.NO_OFFSET);
            }
            MemorySegment bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
            return use.apply(RafsBlobMeta.parse(
                    blob, bytes.asSlice(0, infosBytes), bytes.asSlice(headerAt, ALIGNMENT), resource));
        }
    }

    /** Takes chunk infos. */
    interface Use<T> {
        T apply(RafsBlobMeta meta) throws IOException;
    }
}
