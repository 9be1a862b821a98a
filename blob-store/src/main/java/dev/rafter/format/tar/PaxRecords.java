package dev.rafter.format.tar;

import dev.rafter.format.ByteStrings;
import dev.rafter.format.CorruptImageException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The records {@code LENGTH KEY=VALUE\n} of extended headers: the last of a key counts, those of the entry over the global ones. */
final class PaxRecords {
    private static final int MAX_LENGTH_DIGITS = 9;

    private final Map<String, String> values;
    /** The regions of sparse format 0.0, which repeats its keys: offset, size, offset, size... */
    private final List<String> sparseNumbers = new ArrayList<>();

    private PaxRecords(Map<String, String> values) {
        this.values = values;
    }

    static PaxRecords none() {
        return new PaxRecords(new HashMap<>());
    }

    /** For an entry: what applies to all, until records of its own are added. */
    PaxRecords copy() {
        return new PaxRecords(new HashMap<>(values));
    }

    /** Adds the records of an extended header. */
    void add(byte[] records, String resource, long offset) throws CorruptImageException {
        int at = 0;
        String all = ByteStrings.of(records);
        while (at < records.length) {
            int length = length(records, at, resource, offset);
            addRecord(all.substring(at, at + length), resource, offset + at);
            at += length;
        }
    }

    private static int length(byte[] records, int at, String resource, long offset) throws CorruptImageException {
        int length = 0;
        int digits = 0;
        while (at + digits < records.length && records[at + digits] >= '0' && records[at + digits] <= '9') {
            length = 10 * length + records[at + digits] - '0';
            if (++digits > MAX_LENGTH_DIGITS) {
                break;
            }
        }
        boolean fits = digits > 0
                && digits <= MAX_LENGTH_DIGITS
                && length > digits + 1
                && length <= records.length - at
                && records[at + digits] == ' '
                && records[at + length - 1] == '\n';
        if (!fits) {
            throw new CorruptImageException("an extended header has a record of wrong length", resource, offset + at);
        }
        return length;
    }

    private void addRecord(String record, String resource, long offset) throws CorruptImageException {
        int blank = record.indexOf(' ');
        int equals = record.indexOf('=', blank);
        if (equals < 0 || equals == blank + 1) {
            throw new CorruptImageException("an extended header has a record without a key", resource, offset);
        }
        String key = record.substring(blank + 1, equals);
        String value = record.substring(equals + 1, record.length() - 1);
        if (key.equals("GNU.sparse.offset") || key.equals("GNU.sparse.numbytes")) {
            sparseNumbers.add(value);
        } else if (value.isEmpty() && !isXattr(key)) {
            values.remove(key);
        } else {
            values.put(key, value);
        }
    }

    private static boolean isXattr(String key) {
        return key.startsWith(TarLayout.PAX_SCHILY_XATTR) || key.startsWith(TarLayout.PAX_LIBARCHIVE_XATTR);
    }

    /** Characters of all keys and values. */
    long size() {
        long size = 0;
        for (Map.Entry<String, String> record : values.entrySet()) {
            size += record.getKey().length() + record.getValue().length();
        }
        return size;
    }

    /** A value as a byte string; null if there is none. */
    @Nullable
    String get(String key) {
        return values.get(key);
    }

    List<String> sparseNumbers() {
        return sparseNumbers;
    }

    /** The xattrs; star's records, which hold plain bytes, over those of libarchive. */
    SortedMap<String, byte[]> xattrs() {
        SortedMap<String, byte[]> xattrs = new TreeMap<>();
        values.forEach((key, value) -> {
            if (key.startsWith(TarLayout.PAX_LIBARCHIVE_XATTR)) {
                addLibarchive(xattrs, key.substring(TarLayout.PAX_LIBARCHIVE_XATTR.length()), value);
            }
        });
        values.forEach((key, value) -> {
            if (key.startsWith(TarLayout.PAX_SCHILY_XATTR)) {
                xattrs.put(key.substring(TarLayout.PAX_SCHILY_XATTR.length()), ByteStrings.bytes(value));
            }
        });
        return xattrs;
    }

    /** What does not follow libarchive's encoding is left out: the attribute stands in star's record too. */
    private static void addLibarchive(SortedMap<String, byte[]> xattrs, String name, String value) {
        try {
            String decoded = URLDecoder.decode(name.replace("+", "%2B"), StandardCharsets.ISO_8859_1);
            xattrs.put(decoded, Base64.getMimeDecoder().decode(value));
        } catch (IllegalArgumentException _) {
            xattrs.remove(name);
        }
    }
}
