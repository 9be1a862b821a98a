package dev.rafter.format.tar;

import dev.rafter.format.ByteStrings;
import dev.rafter.format.CorruptImageException;
import dev.rafter.format.FileType;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.SortedMap;
import org.jspecify.annotations.Nullable;

/**
 * Reads an archive as a stream: {@link #next} gives one entry after the other, {@link #read} the contents of the current one, zeros for
 * its holes. Every header's checksum, every number and every record is checked; the headers that tell about one entry have at most 2
 * MiB together, which bounds memory. Not thread safe.
 *
 * <p>The end is two blocks of zeros, or the end of the stream between entries; the padding of the last may be missing then. What follows the zeros is read and ignored.
 */
public final class TarReader {
    private static final long MAX_ID = 0xFFFF_FFFFL;
    private static final int MAX_DEVICE = Integer.MAX_VALUE;
    private static final int PERMISSIONS = 07777;

    private final TarInput in;
    private final TarNumbers numbers;
    private final PaxRecords global = PaxRecords.none();
    private PaxRecords pax = PaxRecords.none();
    private @Nullable String longName;
    private @Nullable String longLink;
    private TarContents contents;
    private long headerOffset;
    /** Of what tells about the entry to come, headers included. */
    private long extensionBytes;

    private boolean ended;

    /**
     * @param in read in large pieces; not closed
     * @param resource what to call it in errors
     */
    public TarReader(InputStream in, String resource) {
        this.in = new TarInput(in, resource);
        this.numbers = new TarNumbers(resource);
        this.contents = TarContents.none(this.in);
    }

    /**
     * Goes on to the next entry, over what is left of this one's contents.
     *
     * @return null at the end
     * @throws CorruptImageException if the archive is wrong; nothing more can be read then
     */
    public @Nullable TarEntry next() throws IOException {
        contents.finish();
        contents = TarContents.none(in);
        pax = global.copy();
        longName = null;
        longLink = null;
        extensionBytes = 0;
        while (!ended) {
            byte[] header = header();
            if (header.length > 0 && !isExtension(header)) {
                return entry(header);
            }
        }
        return null;
    }

    /** Where in the decompressed archive the current entry's own header is. */
    public long offset() {
        return headerOffset;
    }

    /**
     * Reads contents of the current entry.
     *
     * @return how many bytes, at least 1; -1 at their end
     */
    public int read(byte[] target, int offset, int length) throws IOException {
        return contents.read(target, offset, length);
    }

    /** How many bytes from here on are a hole of a sparse file; 0 outside of holes. */
    public long hole() {
        return contents.hole();
    }

    /** Goes on over bytes of the hole that {@link #hole} tells of. */
    public void skipHole(long count) {
        contents.skipHole(count);
    }

    /** A header whose checksum is right; an empty array at the end. */
    private byte[] header() throws IOException {
        headerOffset = in.position();
        byte[] header = in.block();
        if (header.length == 0) {
            ended = true;
        } else if (isZero(header)) {
            end();
            return new byte[0];
        } else {
            checkSum(header);
        }
        return header;
    }

    private void end() throws IOException {
        byte[] second = in.block();
        if (second.length > 0 && !isZero(second)) {
            throw corrupt("a block of zeros between entries");
        }
        in.drain();
        ended = true;
    }

    private static boolean isZero(byte[] block) {
        for (byte b : block) {
            if (b != 0) {
                return false;
            }
        }
        return true;
    }

    /** Old tars summed signed bytes. */
    private void checkSum(byte[] header) throws CorruptImageException {
        long sum = numbers.field(
                header, TarLayout.CHECKSUM, TarLayout.CHECKSUM_LENGTH, Integer.MAX_VALUE, "checksum", headerOffset);
        if (sum != TarLayout.checksum(header, false) && sum != TarLayout.checksum(header, true)) {
            throw corrupt("a header has the checksum " + sum + ", not " + TarLayout.checksum(header, false));
        }
    }

    /** Takes in a header that only tells about the entry behind it. */
    private boolean isExtension(byte[] header) throws IOException {
        switch ((char) header[TarLayout.TYPE]) {
            case TarLayout.TYPE_PAX -> pax.add(extension(header), in.resource(), headerOffset + TarLayout.BLOCK_SIZE);
            case TarLayout.TYPE_PAX_GLOBAL -> addGlobal(extension(header));
            case TarLayout.TYPE_GNU_LONG_NAME -> longName = cString(extension(header));
            case TarLayout.TYPE_GNU_LONG_LINK -> longLink = cString(extension(header));
            default -> {
                return false;
            }
        }
        return true;
    }

    private void addGlobal(byte[] records) throws CorruptImageException {
        global.add(records, in.resource(), headerOffset + TarLayout.BLOCK_SIZE);
        if (global.size() > TarLayout.MAX_GLOBAL_SIZE) {
            throw corrupt("global headers of more than " + TarLayout.MAX_GLOBAL_SIZE + " bytes");
        }
        pax = global.copy();
    }

    private byte[] extension(byte[] header) throws IOException {
        long size = numbers.field(
                header,
                TarLayout.SIZE,
                TarLayout.LARGE_NUMBER_LENGTH,
                TarLayout.MAX_EXTENSION_SIZE,
                "size of an extended header",
                headerOffset);
        extensionBytes += TarLayout.BLOCK_SIZE + size;
        if (extensionBytes > TarLayout.MAX_EXTENSIONS_SIZE) {
            throw corrupt("extended headers of more than " + TarLayout.MAX_EXTENSIONS_SIZE + " bytes before one entry");
        }
        return in.padded((int) size);
    }

    private static String cString(byte[] bytes) {
        return cString(bytes, 0, bytes.length);
    }

    private static String cString(byte[] bytes, int offset, int maxLength) {
        int length = 0;
        while (length < maxLength && bytes[offset + length] != 0) {
            length++;
        }
        return new String(bytes, offset, length, StandardCharsets.ISO_8859_1);
    }

    private TarEntry entry(byte[] header) throws IOException {
        String name = name(header);
        char type = (char) (header[TarLayout.TYPE] & 0xFF);
        FileType fileType = fileType(type, name);
        boolean hardLink = type == TarLayout.TYPE_HARD_LINK;
        boolean device = fileType == FileType.CHARACTER_DEVICE || fileType == FileType.BLOCK_DEVICE;
        if (fileType == FileType.REGULAR && !hardLink) {
            contents = new TarContentsParser(in, numbers, pax).parse(header, headerOffset);
        }
        TarNumbers.Time mtime = mtime(header);
        return new TarEntry(
                name,
                fileType,
                hardLink,
                (int) small(header, TarLayout.MODE, MAX_ID, "mode") & PERMISSIONS,
                id(header, TarLayout.UID, "uid"),
                id(header, TarLayout.GID, "gid"),
                contents.size(),
                mtime.seconds(),
                mtime.nanos(),
                hardLink || fileType == FileType.SYMLINK ? target(header) : "",
                device ? (int) small(header, TarLayout.DEVICE_MAJOR, MAX_DEVICE, "device major") : 0,
                device ? (int) small(header, TarLayout.DEVICE_MINOR, MAX_DEVICE, "device minor") : 0,
                xattrs());
    }

    /** A file of the oldest tars whose name ends with "/" is a directory. */
    private FileType fileType(char type, String name) throws CorruptImageException {
        return switch (type) {
            case TarLayout.TYPE_REGULAR_OLD -> name.endsWith("/") ? FileType.DIRECTORY : FileType.REGULAR;
            case TarLayout.TYPE_REGULAR,
                    TarLayout.TYPE_CONTIGUOUS,
                    TarLayout.TYPE_HARD_LINK,
                    TarLayout.TYPE_GNU_SPARSE -> FileType.REGULAR;
            case TarLayout.TYPE_SYMLINK -> FileType.SYMLINK;
            case TarLayout.TYPE_CHARACTER_DEVICE -> FileType.CHARACTER_DEVICE;
            case TarLayout.TYPE_BLOCK_DEVICE -> FileType.BLOCK_DEVICE;
            case TarLayout.TYPE_DIRECTORY -> FileType.DIRECTORY;
            case TarLayout.TYPE_FIFO -> FileType.FIFO;
            default ->
                throw corrupt("an entry of the unknown type \"" + ByteStrings.display(String.valueOf(type)) + "\"");
        };
    }

    private String name(byte[] header) throws CorruptImageException {
        String sparse = pax.get("GNU.sparse.name");
        String path = sparse != null ? sparse : pax.get("path");
        return checked(path != null ? path : longName != null ? longName : headerName(header), "name");
    }

    private static String headerName(byte[] header) {
        String name = cString(header, TarLayout.NAME, TarLayout.NAME_LENGTH);
        if (!magicIs(header, TarLayout.MAGIC, TarLayout.MAGIC_POSIX)) {
            return name;
        }
        boolean star = magicIs(header, TarLayout.STAR_MAGIC, TarLayout.MAGIC_STAR);
        String prefix =
                cString(header, TarLayout.PREFIX, star ? TarLayout.STAR_PREFIX_LENGTH : TarLayout.PREFIX_LENGTH);
        return prefix.isEmpty() ? name : prefix + "/" + name;
    }

    private static boolean magicIs(byte[] header, int at, String magic) {
        return new String(header, at, magic.length(), StandardCharsets.ISO_8859_1).equals(magic);
    }

    private String target(byte[] header) throws CorruptImageException {
        String path = pax.get("linkpath");
        if (path == null) {
            path = longLink != null ? longLink : cString(header, TarLayout.LINK_NAME, TarLayout.LINK_NAME_LENGTH);
        }
        return checked(path, "link target");
    }

    private String checked(String path, String what) throws CorruptImageException {
        if (path.indexOf('\0') >= 0) {
            throw corrupt("a " + what + " with a NUL: \"" + ByteStrings.display(path) + "\"");
        }
        return path;
    }

    private long small(byte[] header, int at, long limit, String what) throws CorruptImageException {
        return numbers.field(header, at, TarLayout.SMALL_NUMBER_LENGTH, limit, what, headerOffset);
    }

    private long id(byte[] header, int at, String key) throws CorruptImageException {
        String value = pax.get(key);
        return value != null ? numbers.decimal(value, MAX_ID, key, headerOffset) : small(header, at, MAX_ID, key);
    }

    private TarNumbers.Time mtime(byte[] header) throws CorruptImageException {
        String value = pax.get("mtime");
        if (value != null) {
            return numbers.time(value, headerOffset);
        }
        return new TarNumbers.Time(
                numbers.field(header, TarLayout.MTIME, TarLayout.LARGE_NUMBER_LENGTH, "mtime", headerOffset), 0);
    }

    private SortedMap<String, byte[]> xattrs() {
        SortedMap<String, byte[]> xattrs = pax.xattrs();
        return xattrs.isEmpty() ? Collections.emptySortedMap() : xattrs;
    }

    private CorruptImageException corrupt(String problem) {
        return in.corrupt(problem, headerOffset);
    }
}
