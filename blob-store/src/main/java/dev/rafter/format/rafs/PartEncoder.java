package dev.rafter.format.rafs;

import java.nio.ByteBuffer;
import java.util.Optional;

/** Port: compresses the parts of a blob that the writer makes itself. The formats know no compression library. */
@FunctionalInterface
public interface PartEncoder {
    /**
     * Compresses a part.
     *
     * @param compressor LZ4_BLOCK or ZSTD
     * @param part a direct buffer; stays as it is
     * @return the compressed part; empty if compressing does not make it smaller
     */
    Optional<ByteBuffer> encode(Compressor compressor, ByteBuffer part);
}
