package dev.rafter.build;

import dev.rafter.codec.GzipEncoder;
import dev.rafter.digest.DigestAlgorithm;
import dev.rafter.digest.Hasher;
import dev.rafter.format.rafs.RafsBootstrapLayer;
import java.io.BufferedOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.SortedMap;

/**
 * The last layer of an image that was built: a gzipped tar with the bootstrap.
 *
 * @param file where it is
 * @param sizeBytes compressed
 * @param sha256 of the compressed bytes, in hexadecimal: the digest of the descriptor
 * @param diffIdSha256 of the tar, in hexadecimal: the diff_id of the configuration
 */
public record BootstrapLayer(Path file, long sizeBytes, String sha256, String diffIdSha256) {

    /**
     * Writes the layer; the same contents give the same bytes.
     *
     * @param metaFiles blob id to its chunk infos and header
     * @param threadCount how many compress
     */
    static BootstrapLayer write(
            Path file, MemorySegment bootstrap, SortedMap<String, ByteBuffer> metaFiles, int threadCount)
            throws IOException {
        try (Digesting compressed = new Digesting(Files.newOutputStream(file));
                GzipEncoder gzip = new GzipEncoder(compressed, threadCount)) {
            Digesting tar = new Digesting(gzip);
            OutputStream buffered = new BufferedOutputStream(tar, 1 << 16);
            RafsBootstrapLayer.writeTar(buffered, bootstrap, metaFiles);
            buffered.flush();
            gzip.finish();
            return new BootstrapLayer(file, compressed.sizeBytes, compressed.sha256(), tar.sha256());
        }
    }

    private static final class Digesting extends FilterOutputStream {
        private final Hasher hasher = DigestAlgorithm.SHA256.newHasher();
        private long sizeBytes;

        Digesting(OutputStream target) {
            super(target);
        }

        @Override
        public void write(int b) throws IOException {
            write(new byte[] {(byte) b}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            hasher.update(bytes, offset, length);
            out.write(bytes, offset, length);
            sizeBytes += length;
        }

        String sha256() {
            return HexFormat.of().formatHex(hasher.digest());
        }
    }
}
