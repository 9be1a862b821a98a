package dev.rafter.format.tar;

import dev.rafter.format.ByteStrings;
import dev.rafter.format.CorruptImageException;
import dev.rafter.format.FileType;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads an archive as a stream: {@link #next} gives a member, {@link #read} its contents with the holes filled in. Strict: a header that
 * makes no sense is an error that says where. Memory is bounded whatever the headers claim. Not thread safe.
 */
public final class TarReader {
    /** Extended headers are read whole: more than this is an attack. */
    private static final int LARGEST_EXTENDED_BYTES = 1 << 20;
    /** 8 EiB less one block: what a size may be and still be rounded up. */
    private static final long LARGEST_SIZE = Long.MAX_VALUE - TarHeaderBlock.SIZE;

    private static final int MOST_SPARSE_RUNS = 1 << 20;
    private static final long UNSIGNED_INT = 0xffff_ffffL;

    private final InputStream in;
    private final String resource;
    private long position;
    private PaxRecords global = new PaxRecords();
    /** Stored bytes of the current member that were not read yet, and the padding behind them. */
    private long left;

    private long padding;
    private List<long[]> runs = List.of();
    private int run;
    private long logical;
    private long size;
    private boolean ended;

    /**
     * Reads from a stream, which is not closed.
     *
     * @param resource which layer this is, for messages
     */
    public TarReader(InputStream in, String resource) {
        this.in = in;
        this.resource = resource;
    }

    /** The next member; null at the end. What was not read of the last one is passed over. */
    public @Nullable TarEntry next() throws IOException {
        skip(left + padding);
        left = 0;
        padding = 0;
        PaxRecords pax = new PaxRecords();
        String longName = null;
        String longLink = null;
        while (!ended) {
            TarHeaderBlock header = header();
            if (header == null) {
                ended = true;
                if (longName != null || longLink != null || !pax.values.isEmpty()) {
                    throw corrupt("the archive ends after an extended header");
                }
                return null;
            }
            long bytes = size(header.number(124, 12, "size"));
            switch (header.type()) {
                case 'x', 'X' -> pax = PaxRecords.parse(extended(bytes), resource, position);
                case 'g' -> global = PaxRecords.parse(extended(bytes), resource, position);
                case 'L' -> longName = name(extended(bytes));
                case 'K' -> longLink = name(extended(bytes));
                default -> {
                    pax.inherit(global);
                    return member(header, pax, longName, longLink, bytes);
                }
            }
        }
        return null;
    }

    private @Nullable TarHeaderBlock header() throws IOException {
        byte[] block = new byte[TarHeaderBlock.SIZE];
        int n = in.readNBytes(block, 0, block.length);
        if (n == 0) {
            return null;
        }
        if (n < block.length) {
            throw corrupt("the archive ends inside a header");
        }
        position += n;
        return TarHeaderBlock.isZero(block) ? null : new TarHeaderBlock(block, resource, position - n);
    }

    private byte[] extended(long bytes) throws IOException {
        if (bytes > LARGEST_EXTENDED_BYTES) {
            throw corrupt("an extended header of " + bytes + " bytes, over the limit of " + LARGEST_EXTENDED_BYTES);
        }
        byte[] content = in.readNBytes((int) bytes);
        if (content.length < bytes) {
            throw corrupt("the archive ends inside an extended header");
        }
        position += bytes;
        skip(padding(bytes));
        return content;
    }

    private static String name(byte[] bytes) {
        String name = ByteStrings.of(bytes);
        int end = name.indexOf('\0');
        return end < 0 ? name : name.substring(0, end);
    }

    private TarEntry member(
            TarHeaderBlock header, PaxRecords pax, @Nullable String longName, @Nullable String longLink, long bytes)
            throws IOException {
        String path = first(pax.get("GNU.sparse.name"), pax.get("path"), longName, header.path());
        String target = first(pax.get("linkpath"), longLink, header.linkName());
        char type = header.type();
        boolean hardLink = type == '1';
        FileType fileType = fileType(header, type, path);
        long stored = pax.get("size") == null ? bytes : size(number(pax, "size", 0));
        boolean hasContents = fileType == FileType.REGULAR && !hardLink;
        begin(header, pax, type, hasContents || type == '5' || !isKnownEmpty(type) ? stored : 0, hasContents);
        long[] mtime = mtime(header, pax);
        return new TarEntry(
                path,
                fileType,
                hardLink,
                hardLink || fileType == FileType.SYMLINK ? target : "",
                (int) header.number(100, 8, "mode") & 07777,
                owner(number(pax, "uid", header.number(108, 8, "uid")), "uid"),
                owner(number(pax, "gid", header.number(116, 8, "gid")), "gid"),
                mtime[0],
                (int) mtime[1],
                hasContents ? size : 0,
                device(header, fileType, 329),
                device(header, fileType, 337),
                Collections.unmodifiableSortedMap(pax.xattrs));
    }

    /** Links and nodes have no contents, whatever their size field says. */
    private static boolean isKnownEmpty(char type) {
        return "12346".indexOf(type) >= 0;
    }

    private static String first(@Nullable String... candidates) {
        for (String candidate : candidates) {
            if (candidate != null) {
                return candidate;
            }
        }
        return "";
    }

    private FileType fileType(TarHeaderBlock header, char type, String path) throws CorruptImageException {
        return switch (type) {
            case '0' -> path.endsWith("/") ? FileType.DIRECTORY : FileType.REGULAR;
            case '1', '7', 'S' -> FileType.REGULAR;
            case '2' -> FileType.SYMLINK;
            case '3' -> FileType.CHARACTER_DEVICE;
            case '4' -> FileType.BLOCK_DEVICE;
            case '5' -> FileType.DIRECTORY;
            case '6' -> FileType.FIFO;
            default ->
                throw header.corrupt("a tar member of unknown type \"" + type + "\": " + ByteStrings.display(path));
        };
    }

    private int device(TarHeaderBlock header, FileType type, int at) throws CorruptImageException {
        boolean node = type == FileType.CHARACTER_DEVICE || type == FileType.BLOCK_DEVICE;
        long value = node ? header.number(at, 8, "device number") : 0;
        if (value < 0 || value > 0xf_ffff) {
            throw header.corrupt("the device number " + value + " has more than 20 bits");
        }
        return (int) value;
    }

    private long owner(long id, String field) throws CorruptImageException {
        if (id < 0 || id > UNSIGNED_INT) {
            throw corrupt("the " + field + " " + id + " does not fit 32 bits");
        }
        return id;
    }

    private long size(long value) throws CorruptImageException {
        if (value < 0 || value > LARGEST_SIZE) {
            throw corrupt("a tar member of size " + value);
        }
        return value;
    }

    private long number(PaxRecords pax, String key, long otherwise) throws CorruptImageException {
        String text = pax.get(key);
        return text == null ? otherwise : PaxRecords.number(text, key, resource, position);
    }

    /** Seconds and nanoseconds; the fraction of a time before 1970 counts upwards as well. */
    private long[] mtime(TarHeaderBlock header, PaxRecords pax) throws CorruptImageException {
        String text = pax.get("mtime");
        if (text == null) {
            return new long[] {header.number(136, 12, "mtime"), 0};
        }
        int point = text.indexOf('.');
        String whole = point < 0 ? text : text.substring(0, point);
        String fraction = point < 0 ? "" : text.substring(point + 1);
        long seconds = whole.isEmpty() || whole.equals("-") ? 0 : PaxRecords.number(whole, "mtime", resource, position);
        String nine = (fraction + "000000000").substring(0, 9);
        long nanos = PaxRecords.number(nine, "mtime", resource, position);
        if (text.startsWith("-") && nanos > 0) {
            return new long[] {seconds - 1, 1_000_000_000 - nanos};
        }
        return new long[] {seconds, nanos};
    }

    private void begin(TarHeaderBlock header, PaxRecords pax, char type, long stored, boolean hasContents)
            throws IOException {
        left = stored;
        padding = padding(stored);
        run = 0;
        logical = 0;
        size = stored;
        runs = List.of(new long[] {0, stored});
        if (hasContents) {
            sparse(header, pax, type);
        }
    }

    private void sparse(TarHeaderBlock header, PaxRecords pax, char type) throws IOException {
        List<Long> numbers;
        if (type == 'S') {
            numbers = gnuSparse(header);
            size = size(header.number(483, 12, "real size"));
        } else if (pax.get("GNU.sparse.major") != null) {
            numbers = mapInData();
            size = size(number(pax, "GNU.sparse.realsize", 0));
        } else if (pax.get("GNU.sparse.map") != null || !pax.sparse.isEmpty()) {
            numbers = pax.get("GNU.sparse.map") == null ? pax.sparse : mapInRecord(pax);
            size = size(number(pax, "GNU.sparse.size", size));
        } else {
            return;
        }
        runs = checkedRuns(numbers);
    }

    private List<Long> gnuSparse(TarHeaderBlock header) throws IOException {
        List<Long> numbers = new ArrayList<>();
        addRuns(numbers, header, 386, 4);
        boolean more = header.flag(482) != 0;
        while (more) {
            byte[] block = in.readNBytes(TarHeaderBlock.SIZE);
            if (block.length < TarHeaderBlock.SIZE || numbers.size() > 2 * MOST_SPARSE_RUNS) {
                throw corrupt("a sparse file's map does not end");
            }
            position += block.length;
            TarSparseBlock extension = new TarSparseBlock(block, resource, position);
            extension.addTo(numbers);
            more = extension.isContinued();
        }
        return numbers;
    }

    private static void addRuns(List<Long> numbers, TarHeaderBlock header, int at, int count)
            throws CorruptImageException {
        for (int i = 0; i < count; i++) {
            if (header.flag(at + 24 * i) == 0) {
                return;
            }
            numbers.add(header.number(at + 24 * i, 12, "sparse offset"));
            numbers.add(header.number(at + 24 * i + 12, 12, "sparse length"));
        }
    }

    private List<Long> mapInRecord(PaxRecords pax) throws CorruptImageException {
        List<Long> numbers = new ArrayList<>();
        for (String text : first(pax.get("GNU.sparse.map")).split(",", -1)) {
            numbers.add(PaxRecords.number(text, "GNU.sparse.map", resource, position));
        }
        return numbers;
    }

    /** GNU's format 1.0: the map stands before the data, in decimal lines, padded to a block. */
    private List<Long> mapInData() throws IOException {
        long before = left;
        long count = line();
        if (count < 0 || count > MOST_SPARSE_RUNS) {
            throw corrupt("a sparse file of " + count + " runs");
        }
        List<Long> numbers = new ArrayList<>();
        for (long i = 0; i < 2 * count; i++) {
            numbers.add(line());
        }
        long rest = padding(before - left);
        if (rest > left) {
            throw corrupt("a sparse file's map is longer than the file");
        }
        skip(rest);
        left -= rest;
        return numbers;
    }

    private long line() throws IOException {
        long value = 0;
        for (int digits = 0; ; digits++) {
            int c = left == 0 ? -1 : in.read();
            position++;
            left--;
            if (c == '\n' && digits > 0) {
                return value;
            }
            if (c < '0' || c > '9' || digits > 18) {
                throw corrupt("a sparse file's map is no list of numbers");
            }
            value = value * 10 + c - '0';
        }
    }

    private List<long[]> checkedRuns(List<Long> numbers) throws CorruptImageException {
        List<long[]> checked = new ArrayList<>();
        long end = 0;
        long data = 0;
        for (int i = 0; i + 1 < numbers.size(); i += 2) {
            long offset = numbers.get(i);
            long length = numbers.get(i + 1);
            if (offset < end || length < 0 || length > size - offset) {
                throw corrupt("a sparse file's run at " + offset + " of " + length + " bytes does not fit it");
            }
            end = offset + length;
            data += length;
            checked.add(new long[] {offset, length});
        }
        if (data != left) {
            throw corrupt("a sparse file's runs have " + data + " bytes, its data " + left);
        }
        return checked;
    }

    /**
     * Reads contents of the current member.
     *
     * @return how many bytes, at least 1 unless {@code length} is 0; -1 at its end
     */
    public int read(byte[] target, int offset, int length) throws IOException {
        if (logical == size || length == 0) {
            return length == 0 ? 0 : -1;
        }
        while (run < runs.size() && logical >= runs.get(run)[0] + runs.get(run)[1]) {
            run++;
        }
        long holeEnd = run == runs.size() ? size : runs.get(run)[0];
        int n;
        if (logical < holeEnd) {
            n = (int) Math.min(length, holeEnd - logical);
            Arrays.fill(target, offset, offset + n, (byte) 0);
        } else {
            long runEnd = runs.get(run)[0] + runs.get(run)[1];
            n = in.read(target, offset, (int) Math.min(length, runEnd - logical));
            if (n < 0) {
                throw corrupt("the archive ends inside a file");
            }
            left -= n;
            position += n;
        }
        logical += n;
        return n;
    }

    private void skip(long bytes) throws IOException {
        try {
            in.skipNBytes(bytes);
        } catch (EOFException e) {
            throw new CorruptImageException("the archive ends inside a member", resource, position, e);
        }
        position += bytes;
    }

    private static long padding(long bytes) {
        return -bytes & (TarHeaderBlock.SIZE - 1);
    }

    private CorruptImageException corrupt(String problem) {
        return new CorruptImageException(problem, resource, position);
    }
}
