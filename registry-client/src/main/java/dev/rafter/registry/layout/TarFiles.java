package dev.rafter.registry.layout;

import dev.rafter.oci.DocumentException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.ReadableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * The files in an uncompressed tar file, by where they begin. Reads the headers once, when opened; contents are read in place. Knows
 * what archives of images hold: regular files, links between them, long names and sizes of PAX and GNU.
 */
final class TarFiles implements LayoutFiles {
    private static final int BLOCK = 512;
    private static final int MAX_ENTRIES = 100_000;
    private static final int MAX_EXTENSION_BYTES = 1 << 20;
    private static final int MAX_LINKS = 8;

    private record Entry(long offset, long size, @Nullable String link) {}

    private final Path file;
    private final String describe;
    private final Map<String, Entry> entries = new HashMap<>();

    private TarFiles(Path file, String describe) {
        this.file = file;
        this.describe = describe;
    }

    /**
     * @throws DocumentException if it is no tar file
     */
    static TarFiles open(Path file, String describe) throws IOException {
        TarFiles files = new TarFiles(file, describe);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            files.scan(channel);
        }
        return files;
    }

    private void scan(FileChannel channel) throws IOException {
        long at = 0;
        String longName = null;
        String longLink = null;
        long paxSize = -1;
        while (at + BLOCK <= channel.size()) {
            byte[] header = read(channel, at, BLOCK);
            if (isZero(header)) {
                break;
            }
            checkHeader(header, at);
            char type = (char) header[156];
            boolean extension = type == 'x' || type == 'L' || type == 'K' || type == 'g';
            long size = paxSize >= 0 && !extension ? paxSize : number(header, 124, 12, at);
            long data = at + BLOCK;
            if (size > channel.size() - data) {
                throw wrong("ends within the entry at byte " + at);
            }
            at = data + (size + BLOCK - 1) / BLOCK * BLOCK;
            switch (type) {
                case 'L' -> longName = cString(extension(channel, data, size), 0, (int) size);
                case 'K' -> longLink = cString(extension(channel, data, size), 0, (int) size);
                case 'x' -> {
                    Map<String, String> pax = pax(extension(channel, data, size));
                    longName = pax.getOrDefault("path", longName == null ? "" : longName);
                    longName = longName.isEmpty() ? null : longName;
                    longLink = pax.getOrDefault("linkpath", longLink == null ? "" : longLink);
                    longLink = longLink.isEmpty() ? null : longLink;
                    paxSize = pax.containsKey("size") ? decimal(pax.get("size")) : -1;
                }
                case 'g' -> {}
                default -> {
                    String name = longName != null ? longName : name(header);
                    String link = longLink != null ? longLink : cString(header, 157, 100);
                    add(type, name, link, data, size);
                    longName = null;
                    longLink = null;
                    paxSize = -1;
                }
            }
        }
        if (entries.isEmpty()) {
            throw wrong("is empty");
        }
    }

    private void add(char type, String rawName, String link, long data, long size) throws DocumentException {
        String name = normalised(rawName);
        switch (type) {
            case '0', '\0', '7' -> entries.put(name, new Entry(data, size, null));
            case '1' -> entries.put(name, new Entry(0, 0, normalised(link)));
            case '2' -> entries.put(name, new Entry(0, 0, resolved(name, link)));
            default -> {} // directories and what no image archive needs
        }
        if (entries.size() > MAX_ENTRIES) {
            throw wrong("has more than " + MAX_ENTRIES + " entries");
        }
    }

    private String resolved(String name, String link) throws DocumentException {
        try {
            return normalised(
                    Path.of("/" + name).resolveSibling(link).normalize().toString());
        } catch (InvalidPathException e) {
            throw wrong("has a link that leads nowhere: " + e.getReason());
        }
    }

    private static String normalised(String name) {
        String rest = name;
        while (rest.startsWith("./") || rest.startsWith("/")) {
            rest = rest.substring(rest.startsWith("/") ? 1 : 2);
        }
        return rest;
    }

    private static String name(byte[] header) {
        String name = cString(header, 0, 100);
        boolean ustar = cString(header, 257, 6).equals("ustar");
        String prefix = ustar ? cString(header, 345, 155) : "";
        return prefix.isEmpty() ? name : prefix + "/" + name;
    }

    private void checkHeader(byte[] header, long at) throws DocumentException {
        if (at == 0 && (header[0] & 0xff) == 0x1f && (header[1] & 0xff) == 0x8b) {
            throw wrong("is compressed: unpack it with gunzip first, it is read in place");
        }
        int sum = 0;
        for (int i = 0; i < BLOCK; i++) {
            sum += i >= 148 && i < 156 ? ' ' : header[i] & 0xff;
        }
        if (sum != number(header, 148, 8, at)) {
            throw wrong("is not a tar file: no header at byte " + at);
        }
    }

    /** Octal digits, or base 256 with the top bit set, as GNU tar writes sizes of 8 GiB and more. */
    private long number(byte[] header, int offset, int length, long at) throws DocumentException {
        long value = 0;
        if ((header[offset] & 0x80) != 0) {
            for (int i = 0; i < length; i++) {
                int digit = i == 0 ? header[offset] & 0x7f : header[offset + i] & 0xff;
                if (value >>> 54 != 0) {
                    throw wrong("has an absurd number in the header at byte " + at);
                }
                value = value << 8 | digit;
            }
            return value;
        }
        for (char c : cString(header, offset, length).strip().toCharArray()) {
            if (c < '0' || c > '7') {
                throw wrong("is not a tar file: no number in the header at byte " + at);
            }
            value = value << 3 | (c - '0');
        }
        return value;
    }

    private Map<String, String> pax(byte[] records) throws DocumentException {
        Map<String, String> values = new HashMap<>();
        for (int at = 0; at < records.length && records[at] != 0; ) {
            int space = at;
            while (space < records.length && records[space] != ' ') {
                space++;
            }
            long length = decimal(new String(records, at, space - at, StandardCharsets.US_ASCII));
            if (length <= space - at + 1 || length > records.length - at) {
                throw wrong("has a PAX record that is none");
            }
            String record = new String(records, space + 1, (int) length - (space - at) - 2, StandardCharsets.UTF_8);
            int equals = record.indexOf('=');
            if (equals > 0) {
                values.put(record.substring(0, equals), record.substring(equals + 1));
            }
            at += (int) length;
        }
        return values;
    }

    private long decimal(@Nullable String text) throws DocumentException {
        if (text == null || !text.matches("\\d{1,18}")) {
            throw wrong("has a PAX record that is none");
        }
        return Long.parseLong(text);
    }

    private byte[] extension(FileChannel channel, long offset, long size) throws IOException {
        if (size > MAX_EXTENSION_BYTES) {
            throw wrong("has a name or PAX header of " + size + " bytes");
        }
        return read(channel, offset, (int) size);
    }

    private static byte[] read(FileChannel channel, long offset, int length) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(length);
        while (bytes.hasRemaining()) {
            if (channel.read(bytes, offset + bytes.position()) < 0) {
                throw new IOException("the file became shorter while it was read");
            }
        }
        return bytes.array();
    }

    private static String cString(byte[] bytes, int offset, int length) {
        int end = offset;
        while (end < offset + length && bytes[end] != 0) {
            end++;
        }
        return new String(bytes, offset, end - offset, StandardCharsets.UTF_8);
    }

    private static boolean isZero(byte[] block) {
        for (byte b : block) {
            if (b != 0) {
                return false;
            }
        }
        return true;
    }

    private DocumentException wrong(String problem) {
        return new DocumentException(describe, problem, null);
    }

    private @Nullable Entry find(String name) {
        Entry entry = entries.get(normalised(name));
        for (int hops = 0; entry != null && entry.link != null; hops++) {
            entry = hops < MAX_LINKS ? entries.get(entry.link) : null;
        }
        return entry;
    }

    @Override
    public OptionalLong size(String name) {
        Entry entry = find(name);
        return entry == null ? OptionalLong.empty() : OptionalLong.of(entry.size);
    }

    @Override
    public ReadableByteChannel open(String name, long offset, long lengthBytes) throws IOException {
        Entry entry = find(name);
        if (entry == null || offset < 0 || offset > entry.size - lengthBytes) {
            throw wrong("has no bytes " + offset + "-" + (offset + lengthBytes - 1) + " of " + name);
        }
        return FileRange.open(file, entry.offset + offset, lengthBytes);
    }

    @Override
    public Optional<FileRange> open(String name) throws IOException {
        Entry entry = find(name);
        return entry == null ? Optional.empty() : Optional.of(FileRange.open(file, entry.offset, entry.size));
    }

    @Override
    public String describe() {
        return describe;
    }
}
