package dev.rafter.format.rafs;

import dev.rafter.digest.DigestAlgorithm;
import dev.rafter.format.ByteStrings;
import dev.rafter.format.CorruptImageException;
import dev.rafter.format.ImageBytes;
import dev.rafter.format.rafs.RafsLayout.TarHeader;
import dev.rafter.format.rafs.RafsLayout.TocEntry;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** The table of contents at the end of a blob: which parts it has, and where. */
public final class RafsToc {
    /** How much of a blob's end holds any table of contents that the tools write. */
    public static final int TAIL_SIZE_BYTES = 4096;

    public static final String DATA = "image.blob";
    public static final String META = "blob.meta";
    public static final String META_HEADER = "blob.meta.header";
    public static final String DIGESTS = "blob.digest";
    public static final String BOOTSTRAP = "image.boot";
    static final String OWN_NAME = "rafs.blob.toc";

    private static final int TAR_NAME_SIZE = 100;
    private static final int TAR_SIZE_OFFSET = 124;
    private static final int TAR_SIZE_DIGITS = 11;

    private final Map<String, Entry> entries;

    private RafsToc(Map<String, Entry> entries) {
        this.entries = entries;
    }

    /**
     * A part of a blob.
     *
     * @param compressor how it is stored
     * @param digest SHA-256 of it, decompressed; of the data, with the tar header that follows them
     */
    public record Entry(
            String name, Compressor compressor, long offset, long storedSizeBytes, long sizeBytes, byte[] digest) {}

    /**
     * Parses the end of a blob.
     *
     * @param tail the last {@link #TAIL_SIZE_BYTES} bytes of the blob, or all of it if it is smaller
     * @param blobSizeBytes size of the blob
     * @param resource what to call it in errors
     */
    public static RafsToc parse(MemorySegment tail, long blobSizeBytes, String resource) throws CorruptImageException {
        return new Parser(new ImageBytes(tail, resource + " (its last bytes)"), blobSizeBytes).parse();
    }

    /** A part by name. */
    public Optional<Entry> entry(String name) {
        return Optional.ofNullable(entries.get(name));
    }

    private record Parser(ImageBytes tail, long blobSizeBytes) {
        RafsToc parse() throws CorruptImageException {
            tail.check(tail.length() - TarHeader.SIZE, TarHeader.SIZE, "the tar header of a table of contents");
            long header = tail.length() - TarHeader.SIZE;
            if (!name(header, TAR_NAME_SIZE).equals(OWN_NAME)) {
                throw tail.corrupt("the blob does not end with a table of contents", header);
            }
            long size = size(header);
            if (size % TocEntry.SIZE != 0 || size > header) {
                throw tail.corrupt("a table of contents of " + size + " bytes", header + TAR_SIZE_OFFSET);
            }
            Map<String, Entry> entries = new LinkedHashMap<>();
            for (long at = header - size; at < header; at += TocEntry.SIZE) {
                Entry entry = entry(at);
                if (entries.putIfAbsent(entry.name, entry) != null) {
                    throw tail.corrupt(ByteStrings.display(entry.name) + " stands twice in the table of contents", at);
                }
            }
            return new RafsToc(entries);
        }

        private Entry entry(long at) throws CorruptImageException {
            String name = name(at + TocEntry.NAME, TocEntry.NAME_SIZE);
            long flags = tail.u32(at + TocEntry.FLAGS, "flags");
            Compressor compressor = Compressor.ofTocFlag(flags)
                    .orElseThrow(() -> tail.corrupt("unknown flags 0x%x of an entry".formatted(flags), at));
            long storedSize = tail.u63(at + TocEntry.COMPRESSED_SIZE, "stored size");
            long size = tail.u63(at + TocEntry.UNCOMPRESSED_SIZE, "size");
            // Tools up to 2.2 wrote the size of the data as their offset; data always come first.
            long offset = name.equals(DATA) ? 0 : tail.u63(at + TocEntry.OFFSET, "offset");
            if (offset > blobSizeBytes - storedSize || size > RafsLayout.MAX_UNCOMPRESSED_SIZE) {
                throw tail.corrupt(
                        ByteStrings.display(name) + ", " + storedSize + " bytes at " + offset + " that decode to "
                                + size + ", does not fit in a blob of " + blobSizeBytes + " bytes",
                        at);
            }
            byte[] digest = tail.bytes(at + TocEntry.DIGEST, DigestAlgorithm.DIGEST_SIZE_BYTES, "digest");
            return new Entry(name, compressor, offset, storedSize, size, digest);
        }

        private String name(long at, int maxLength) throws CorruptImageException {
            String padded = tail.string(at, maxLength, "name");
            int end = padded.indexOf('\0');
            return end < 0 ? padded : padded.substring(0, end);
        }

        private long size(long header) throws CorruptImageException {
            String digits = tail.string(header + TAR_SIZE_OFFSET, TAR_SIZE_DIGITS, "size");
            long size = 0;
            for (int i = 0; i < digits.length(); i++) {
                char digit = digits.charAt(i);
                if (digit < '0' || digit > '7') {
                    throw tail.corrupt("a tar header's size is not octal", header + TAR_SIZE_OFFSET);
                }
                size = (size << 3) | (digit - '0');
            }
            return size;
        }
    }
}
