package dev.rafter.format.rafs;

import dev.rafter.format.rafs.RafsLayout.TarHeader;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.SortedMap;

/**
 * Packs the last layer of a RAFS image, which is compressed with gzip: a tar of {@code image/image.boot}, and beside it the chunk infos of the blobs, so that a
 * reader needs no request for them. The same contents give the same bytes.
 */
public final class RafsBootstrapLayer {
    public static final String BOOTSTRAP_PATH = "image/image.boot";

    private static final String DIRECTORY = "image/";
    private static final String META_SUFFIX = ".blob.meta";
    private static final int DIRECTORY_MODE = 0755;
    private static final int FILE_MODE = 0444;
    private static final int END_SIZE = 2 * TarHeader.SIZE;

    private RafsBootstrapLayer() {}

    /**
     * Writes the tar.
     *
     * @param tar not closed
     * @param metaFiles blob id to its chunk infos and header, as {@link RafsBlobWriter.Written#metaFile} gives them
     */
    public static void writeTar(OutputStream tar, MemorySegment bootstrap, SortedMap<String, ByteBuffer> metaFiles)
            throws IOException {
        put(tar, RafsTarHeader.entry(DIRECTORY, '5', DIRECTORY_MODE, 0));
        putFile(tar, BOOTSTRAP_PATH, bootstrap);
        for (Map.Entry<String, ByteBuffer> meta : metaFiles.entrySet()) {
            putFile(tar, DIRECTORY + meta.getKey() + META_SUFFIX, MemorySegment.ofBuffer(meta.getValue()));
        }
        put(tar, ByteBuffer.allocate(END_SIZE));
    }

    private static void putFile(OutputStream tar, String name, MemorySegment contents) throws IOException {
        long size = contents.byteSize();
        put(tar, RafsTarHeader.entry(name, '0', FILE_MODE, size));
        int piece = 1 << 16;
        for (long at = 0; at < size; at += piece) {
            put(tar, contents.asSlice(at, Math.min(piece, size - at)).asByteBuffer());
        }
        put(tar, ByteBuffer.allocate((int) (-size & (TarHeader.SIZE - 1))));
    }

    private static void put(OutputStream target, ByteBuffer bytes) throws IOException {
        byte[] copy = new byte[bytes.remaining()];
        bytes.get(copy);
        target.write(copy);
    }
}
