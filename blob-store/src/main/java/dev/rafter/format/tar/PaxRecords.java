package dev.rafter.format.tar;

import dev.rafter.format.ByteStrings;
import dev.rafter.format.CorruptImageException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Records of an extended header: {@code "%d %s=%s\n"} of length, keyword and value. Later ones override earlier ones. */
final class PaxRecords {
    private static final String XATTR = "SCHILY.xattr.";

    final TreeMap<String, String> values = new TreeMap<>();
    final TreeMap<String, byte[]> xattrs = new TreeMap<>();
    /** GNU.sparse.offset and GNU.sparse.numbytes in turn, which may stand more than once. */
    final List<Long> sparse = new ArrayList<>();

    static PaxRecords parse(byte[] bytes, String resource, long offset) throws CorruptImageException {
        PaxRecords records = new PaxRecords();
        int at = 0;
        while (at < bytes.length && bytes[at] != 0) {
            at = records.record(bytes, at, resource, offset);
        }
        return records;
    }

    private int record(byte[] bytes, int start, String resource, long offset) throws CorruptImageException {
        int blank = start;
        long length = 0;
        while (blank < bytes.length && bytes[blank] >= '0' && bytes[blank] <= '9' && length < bytes.length) {
            length = length * 10 + bytes[blank++] - '0';
        }
        if (blank == start || blank >= bytes.length || bytes[blank] != ' ') {
            throw new CorruptImageException("a pax record has no length", resource, offset + start);
        }
        long end = start + length;
        if (end > bytes.length || end <= blank + 1 || bytes[(int) end - 1] != '\n') {
            throw new CorruptImageException(
                    "a pax record says that it is " + length + " bytes long", resource, offset + start);
        }
        int equals = blank + 1;
        while (equals < end && bytes[equals] != '=') {
            equals++;
        }
        if (equals == end) {
            throw new CorruptImageException("a pax record has no \"=\"", resource, offset + start);
        }
        String key = ByteStrings.of(Arrays.copyOfRange(bytes, blank + 1, equals));
        put(key, Arrays.copyOfRange(bytes, equals + 1, (int) end - 1), resource, offset + start);
        return (int) end;
    }

    private void put(String key, byte[] value, String resource, long offset) throws CorruptImageException {
        if (key.startsWith(XATTR)) {
            xattrs.put(key.substring(XATTR.length()), value);
            return;
        }
        String text = ByteStrings.of(value);
        values.put(key, text);
        if (key.equals("GNU.sparse.offset") || key.equals("GNU.sparse.numbytes")) {
            sparse.add(number(text, key, resource, offset));
        }
    }

    void inherit(PaxRecords global) {
        global.values.forEach(values::putIfAbsent);
        global.xattrs.forEach(xattrs::putIfAbsent);
    }

    @Nullable
    String get(String key) {
        return values.get(key);
    }

    static long number(String text, String field, String resource, long offset) throws CorruptImageException {
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException _) {
            throw new CorruptImageException(
                    "the pax record " + field + " is no number: \"" + ByteStrings.display(text) + "\"",
                    resource,
                    offset);
        }
    }
}
