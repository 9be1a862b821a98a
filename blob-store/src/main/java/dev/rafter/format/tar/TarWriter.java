package dev.rafter.format.tar;

import dev.rafter.format.ByteStrings;
import dev.rafter.format.FileType;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Writes an archive as a stream, in the pax format: {@link #put} for each entry, {@link #write} for its contents, {@link #finish}. What
 * ustar has no room for (long names, large numbers, nanoseconds, xattrs) goes to extended headers; sparse files are in GNU's format 1.0,
 * which any tar can unpack. The same entries give the same bytes. Not thread safe.
 */
public final class TarWriter {
    private static final int MAX_SMALL_NUMBER = 07777777;
    private static final long MAX_OCTAL_SIZE = 0_77777777777L;
    private static final String SPARSE_DIRECTORY = "GNUSparseFile.0/";
    private static final String PAX_HEADER_NAME = "PaxHeaders/";

    private final OutputStream out;
    private long contentsLeft;
    private int padding;

    /**
     * A region of a sparse file that the archive holds.
     *
     * @param size bytes, at least 1
     */
    public record Region(long offset, long size) {}

    /**
     * @param out not closed
     */
    public TarWriter(OutputStream out) {
        this.out = out;
    }

    /**
     * Begins an entry; contents of {@link TarEntry#size} bytes must follow if it {@link TarEntry#hasContents}.
     *
     * @throws IllegalArgumentException for sockets, which tar has no type for
     */
    public void put(TarEntry entry) throws IOException {
        begin(entry, entry.name(), records(entry), entry.hasContents() ? entry.size() : 0);
    }

    /**
     * Begins a sparse file; the contents of its regions must follow.
     *
     * @param regions in ascending order, none touching the next; a hole may be behind the last
     */
    public void putSparse(TarEntry entry, List<Region> regions) throws IOException {
        byte[] map = sparseMap(regions, entry.size());
        long stored = map.length;
        for (Region region : regions) {
            stored += region.size;
        }
        SortedMap<String, String> records = records(entry);
        records.put("GNU.sparse.major", "1");
        records.put("GNU.sparse.minor", "0");
        records.put("GNU.sparse.name", entry.name());
        records.put("GNU.sparse.realsize", Long.toString(entry.size()));
        records.remove("path");
        records.remove("size");
        if (stored > MAX_OCTAL_SIZE) {
            records.put("size", Long.toString(stored));
        }
        String base = entry.name().substring(entry.name().lastIndexOf('/') + 1);
        begin(entry, SPARSE_DIRECTORY + base, records, stored);
        write(map, 0, map.length);
    }

    /** A hole at the end needs an empty region behind it: GNU tar makes the file as long as its last region reaches. */
    private static byte[] sparseMap(List<Region> regions, long size) {
        long end = regions.isEmpty() ? 0 : regions.getLast().offset + regions.getLast().size;
        StringBuilder lines = new StringBuilder();
        lines.append(end < size ? regions.size() + 1 : regions.size()).append('\n');
        for (Region region : regions) {
            lines.append(region.offset).append('\n').append(region.size).append('\n');
        }
        if (end < size) {
            lines.append(size).append("\n0\n");
        }
        byte[] map = new byte[lines.length() + TarLayout.padding(lines.length())];
        byte[] text = lines.toString().getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(text, 0, map, 0, text.length);
        return map;
    }

    /** Writes contents of the current entry. */
    public void write(byte[] bytes, int offset, int length) throws IOException {
        if (length > contentsLeft) {
            throw new IllegalArgumentException("length=" + length + " contentsLeft=" + contentsLeft);
        }
        out.write(bytes, offset, length);
        contentsLeft -= length;
    }

    /** Ends the archive. */
    public void finish() throws IOException {
        endEntry();
        out.write(new byte[2 * TarLayout.BLOCK_SIZE]);
    }

    private void endEntry() throws IOException {
        if (contentsLeft != 0) {
            throw new IllegalStateException("contents of an entry lack " + contentsLeft + " bytes");
        }
        out.write(new byte[padding]);
        padding = 0;
    }

    private void begin(TarEntry entry, String name, SortedMap<String, String> records, long stored) throws IOException {
        endEntry();
        if (!records.isEmpty()) {
            putRecords(entry, records);
        }
        out.write(header(entry, name, type(entry), stored));
        contentsLeft = stored;
        padding = TarLayout.padding(stored);
    }

    private void putRecords(TarEntry entry, SortedMap<String, String> records) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (Map.Entry<String, String> record : records.entrySet()) {
            bytes.write(ByteStrings.bytes(record(record.getKey() + "=" + record.getValue() + "\n")));
        }
        String base = entry.name().substring(entry.name().lastIndexOf('/') + 1);
        out.write(header(entry, PAX_HEADER_NAME + base, TarLayout.TYPE_PAX, bytes.size()));
        out.write(bytes.toByteArray());
        out.write(new byte[TarLayout.padding(bytes.size())]);
    }

    /** The length of a record counts its own digits. */
    private static String record(String text) {
        int length = text.length() + 2;
        while (Integer.toString(length).length() + 1 + text.length() != length) {
            length = Integer.toString(length).length() + 1 + text.length();
        }
        return length + " " + text;
    }

    /** What does not fit into the header itself. */
    private static SortedMap<String, String> records(TarEntry entry) {
        SortedMap<String, String> records = new TreeMap<>();
        putPath(records, "path", entry.name(), TarLayout.NAME_LENGTH);
        putPath(records, "linkpath", entry.target(), TarLayout.LINK_NAME_LENGTH);
        putLarge(records, "uid", entry.uid(), MAX_SMALL_NUMBER);
        putLarge(records, "gid", entry.gid(), MAX_SMALL_NUMBER);
        putLarge(records, "size", entry.size(), MAX_OCTAL_SIZE);
        if (entry.mtimeNanos() != 0 || entry.mtimeSeconds() < 0 || entry.mtimeSeconds() > MAX_OCTAL_SIZE) {
            records.put("mtime", time(entry.mtimeSeconds(), entry.mtimeNanos()));
        }
        entry.xattrs().forEach((key, value) -> records.put(TarLayout.PAX_SCHILY_XATTR + key, ByteStrings.of(value)));
        return records;
    }

    /** Records are UTF-8 unless they say that they are not; GNU tar takes the bytes as they are in any case. */
    private static void putPath(SortedMap<String, String> records, String key, String path, int maxLength) {
        if (path.length() > maxLength) {
            records.put(key, path);
            if (!isUtf8(path)) {
                records.put("hdrcharset", "BINARY");
            }
        }
    }

    private static boolean isUtf8(String path) {
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(ByteStrings.bytes(path)));
            return true;
        } catch (CharacterCodingException _) {
            return false;
        }
    }

    private static void putLarge(SortedMap<String, String> records, String key, long value, long limit) {
        if (value > limit) {
            records.put(key, Long.toString(value));
        }
    }

    /** The fraction of a time before 1970 counts downwards. */
    private static String time(long seconds, int nanos) {
        if (nanos == 0) {
            return Long.toString(seconds);
        }
        return seconds >= 0
                ? "%d.%09d".formatted(seconds, nanos)
                : "-%d.%09d".formatted(-(seconds + 1), 1_000_000_000 - nanos);
    }

    private static char type(TarEntry entry) {
        if (entry.hardLink()) {
            return TarLayout.TYPE_HARD_LINK;
        }
        return switch (entry.type()) {
            case REGULAR -> TarLayout.TYPE_REGULAR;
            case DIRECTORY -> TarLayout.TYPE_DIRECTORY;
            case SYMLINK -> TarLayout.TYPE_SYMLINK;
            case CHARACTER_DEVICE -> TarLayout.TYPE_CHARACTER_DEVICE;
            case BLOCK_DEVICE -> TarLayout.TYPE_BLOCK_DEVICE;
            case FIFO -> TarLayout.TYPE_FIFO;
            case SOCKET ->
                throw new IllegalArgumentException("tar has no sockets: " + ByteStrings.display(entry.name()));
        };
    }

    private static byte[] header(TarEntry entry, String name, char type, long stored) {
        byte[] header = new byte[TarLayout.BLOCK_SIZE];
        putString(header, TarLayout.NAME, name, TarLayout.NAME_LENGTH);
        putSmall(header, TarLayout.MODE, entry.permissions());
        putSmall(header, TarLayout.UID, Math.min(entry.uid(), MAX_SMALL_NUMBER));
        putSmall(header, TarLayout.GID, Math.min(entry.gid(), MAX_SMALL_NUMBER));
        putOctal(header, TarLayout.SIZE, TarLayout.LARGE_NUMBER_LENGTH, Math.min(stored, MAX_OCTAL_SIZE));
        putOctal(
                header,
                TarLayout.MTIME,
                TarLayout.LARGE_NUMBER_LENGTH,
                Math.clamp(entry.mtimeSeconds(), 0, MAX_OCTAL_SIZE));
        header[TarLayout.TYPE] = (byte) type;
        if (type != TarLayout.TYPE_PAX) {
            putString(header, TarLayout.LINK_NAME, entry.target(), TarLayout.LINK_NAME_LENGTH);
        }
        putString(header, TarLayout.MAGIC, TarLayout.MAGIC_POSIX + "00", 8);
        if (entry.type() == FileType.CHARACTER_DEVICE || entry.type() == FileType.BLOCK_DEVICE) {
            putSmall(header, TarLayout.DEVICE_MAJOR, entry.deviceMajor());
            putSmall(header, TarLayout.DEVICE_MINOR, entry.deviceMinor());
        }
        putOctal(header, TarLayout.CHECKSUM, TarLayout.CHECKSUM_LENGTH - 1, TarLayout.checksum(header, false));
        header[TarLayout.CHECKSUM + TarLayout.CHECKSUM_LENGTH - 1] = ' ';
        return header;
    }

    private static void putString(byte[] header, int at, String text, int maxLength) {
        byte[] bytes = ByteStrings.bytes(text);
        System.arraycopy(bytes, 0, header, at, Math.min(bytes.length, maxLength));
    }

    private static void putSmall(byte[] header, int at, long value) {
        putOctal(header, at, TarLayout.SMALL_NUMBER_LENGTH, value);
    }

    /** Digits and a NUL; in base 256 what has too many digits. */
    private static void putOctal(byte[] header, int at, int length, long value) {
        long left = value;
        for (int i = length - 2; i >= 0; i--) {
            header[at + i] = (byte) ('0' + (left & 7));
            left >>>= 3;
        }
        if (left != 0) {
            left = value;
            for (int i = length - 1; i > 0; i--) {
                header[at + i] = (byte) left;
                left >>>= 8;
            }
            header[at] = (byte) 0x80;
        }
    }
}
