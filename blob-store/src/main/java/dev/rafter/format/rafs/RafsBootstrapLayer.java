package dev.rafter.format.rafs;

import dev.rafter.format.rafs.RafsLayout.TarHeader;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Map;
import java.util.SortedMap;
import java.util.zip.GZIPOutputStream;

/**
 * Packs the last layer of a RAFS image: a gzipped tar of {@code image/image.boot}, and beside it the chunk infos of the blobs, so that a
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
     * A layer that was written.
     *
     * @param sizeBytes compressed
     * @param sha256 of the compressed bytes, in hexadecimal: the digest of the descriptor
     * @param diffIdSha256 of the tar, in hexadecimal: the diff_id of the configuration
     */
    public record Layer(long sizeBytes, String sha256, String diffIdSha256) {}

    /**
     * Writes the layer.
     *
     * @param target gets the gzip stream; not closed
     * @param metaFiles blob id to its chunk infos and header, as {@link RafsBlobWriter.Written#metaFile} gives them
     */
    public static Layer write(OutputStream target, MemorySegment bootstrap, SortedMap<String, ByteBuffer> metaFiles)
            throws IOException {
        Counting counting = new Counting(target);
        MessageDigest compressedDigest = Sha256.newDigest();
        MessageDigest tarDigest = Sha256.newDigest();
        GZIPOutputStream gzip = new GZIPOutputStream(new DigestOutputStream(counting, compressedDigest));
        DigestOutputStream tar = new DigestOutputStream(gzip, tarDigest);
        put(tar, RafsTarHeader.entry(DIRECTORY, '5', DIRECTORY_MODE, 0));
        putFile(tar, BOOTSTRAP_PATH, bootstrap);
        for (Map.Entry<String, ByteBuffer> meta : metaFiles.entrySet()) {
            putFile(tar, DIRECTORY + meta.getKey() + META_SUFFIX, MemorySegment.ofBuffer(meta.getValue()));
        }
        put(tar, ByteBuffer.allocate(END_SIZE));
        gzip.finish();
        return new Layer(
                counting.count,
                HexFormat.of().formatHex(compressedDigest.digest()),
                HexFormat.of().formatHex(tarDigest.digest()));
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

    private static final class Counting extends FilterOutputStream {
        private long count;

        Counting(OutputStream target) {
            super(target);
        }

        @Override
        public void write(int b) throws IOException {
            out.write(b);
            count++;
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            out.write(bytes, offset, length);
            count += length;
        }
    }
}
