package dev.rafter.codec;

import java.io.IOException;
import java.io.InputStream;
import java.io.PushbackInputStream;

/**
 * Decompresses a whole layer as a stream: gzip with any number of members, zstd with any number of frames, or stored. The kind is told
 * by the first bytes, not by a media type, which images get wrong.
 *
 * <p>Memory is bounded: zstd frames that ask for a window over {@link #MAX_ZSTD_WINDOW_LOG} are refused. A stream that breaks, ends
 * early, fails its checksum, or has other bytes behind its end gives a {@link CorruptFrameException}, never a silent end.
 */
public final class LayerDecompressor {
    /** Windows of up to 128 MiB: what {@code zstd --long} writes and its decoder takes without being asked to. */
    public static final int MAX_ZSTD_WINDOW_LOG = 27;

    private static final int MAGIC_SIZE_BYTES = 4;
    private static final int ZSTD_MAGIC = 0xFD2FB528;
    private static final int ZSTD_SKIPPABLE_MAGIC = 0x184D2A50;
    private static final int ZSTD_SKIPPABLE_MASK = 0xFFFFFFF0;

    private LayerDecompressor() {}

    /**
     * Opens a stream of decompressed bytes.
     *
     * @param compressed read ahead in blocks; closed with the result
     */
    public static InputStream open(InputStream compressed) throws IOException {
        PushbackInputStream peeked = new PushbackInputStream(compressed, MAGIC_SIZE_BYTES);
        return switch (detect(peek(peeked))) {
            case GZIP -> new GzipLayerInputStream(peeked);
            case ZSTD -> new ZstdLayerInputStream(peeked);
            default -> peeked;
        };
    }

    /** The codec of a layer by its first bytes; NONE if it is neither gzip nor zstd. */
    public static Codec detect(byte[] start) {
        if (start.length >= 2 && (start[0] & 0xFF) == GzipHeader.MAGIC_1 && (start[1] & 0xFF) == GzipHeader.MAGIC_2) {
            return Codec.GZIP;
        }
        return start.length >= MAGIC_SIZE_BYTES && isZstdMagic(littleEndian(start)) ? Codec.ZSTD : Codec.NONE;
    }

    private static byte[] peek(PushbackInputStream stream) throws IOException {
        byte[] start = stream.readNBytes(MAGIC_SIZE_BYTES);
        stream.unread(start);
        return start;
    }

    private static int littleEndian(byte[] b) {
        return (b[0] & 0xFF) | (b[1] & 0xFF) << 8 | (b[2] & 0xFF) << 16 | (b[3] & 0xFF) << 24;
    }

    private static boolean isZstdMagic(int magic) {
        return magic == ZSTD_MAGIC || (magic & ZSTD_SKIPPABLE_MASK) == ZSTD_SKIPPABLE_MAGIC;
    }
}
