package dev.rafter.format.tar;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.format.ByteStrings;
import dev.rafter.format.CorruptImageException;
import dev.rafter.format.FileType;
import dev.rafter.testkit.Commands;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Archives of other tools, and broken ones. */
@Timeout(60)
class TarReaderTest {
    private static final String LONG_NAME = "long-" + "n".repeat(150);

    private record Read(TarEntry entry, byte[] contents) {
        String xattr(String name) {
            byte[] value = entry.xattrs().get(name);
            return value == null ? "none" : ByteStrings.of(value);
        }
    }

    private record Entries(Map<String, Read> byName) {
        Read get(String name) {
            Read read = byName.get(name);
            if (read == null) {
                throw new AssertionError("no " + name + " among " + byName.keySet());
            }
            return read;
        }

        int size() {
            return byName.size();
        }
    }

    private static Entries read(byte[] archive) throws IOException {
        TarReader tar = new TarReader(new ByteArrayInputStream(archive), "archive");
        Map<String, Read> entries = new HashMap<>();
        for (TarEntry entry = tar.next(); entry != null; entry = tar.next()) {
            entries.put(entry.name(), new Read(entry, contents(tar)));
        }
        assertNull(tar.next());
        return new Entries(entries);
    }

    private static byte[] contents(TarReader tar) throws IOException {
        ByteArrayOutputStream contents = new ByteArrayOutputStream();
        byte[] piece = new byte[1000];
        for (int count = tar.read(piece, 0, piece.length); count > 0; count = tar.read(piece, 0, piece.length)) {
            contents.write(piece, 0, count);
        }
        return contents.toByteArray();
    }

    @ParameterizedTest
    @ValueSource(strings = {"gnu", "oldgnu", "pax", "ustar"})
    void gnuTar(String format, @TempDir Path directory) throws IOException {
        Commands.assumePresent("tar");
        Path tree = directory.resolve("tree");
        Path deep = Files.createDirectories(tree.resolve("a".repeat(50)).resolve("b".repeat(40)));
        Files.writeString(deep.resolve("file"), "hello");
        Files.createLink(tree.resolve("zlink"), deep.resolve("file"));
        Path prefixed = Files.createDirectories(tree.resolve("p".repeat(60)).resolve("q".repeat(60)));
        Files.writeString(prefixed.resolve("file"), "prefixed");
        Files.createSymbolicLink(tree.resolve("sym"), Path.of("c".repeat(90)));
        boolean ustar = format.equals("ustar");
        Path odd = tree.resolve(ustar ? "x" : LONG_NAME);
        Files.write(odd, new byte[100_000]);
        if (!ustar) {
            Files.createSymbolicLink(tree.resolve("symlong"), Path.of("t/".repeat(100)));
        }
        Commands.run(
                "touch",
                "-d",
                ustar || format.endsWith("gnu") ? "2030-01-02 03:04:05 UTC" : "1960-01-02 03:04:05.123456789 UTC",
                odd.toString());
        Path archive = directory.resolve("archive.tar");
        Commands.run(
                "tar",
                "--format=" + format,
                "--sort=name",
                "--owner=12345",
                "--group=6",
                "-C",
                tree.toString(),
                "-cf",
                archive.toString(),
                ".");
        Entries entries = read(Files.readAllBytes(archive));
        String file = "./" + "a".repeat(50) + "/" + "b".repeat(40) + "/file";
        assertEquals("hello", new String(entries.get(file).contents, StandardCharsets.US_ASCII));
        assertEquals(12345, entries.get(file).entry.uid());
        String far = "./" + "p".repeat(60) + "/" + "q".repeat(60) + "/file";
        assertEquals("prefixed", new String(entries.get(far).contents, StandardCharsets.US_ASCII));
        TarEntry link = entries.get("./zlink").entry;
        assertTrue(link.hardLink());
        assertEquals(file, link.target());
        assertEquals("c".repeat(90), entries.get("./sym").entry.target());
        Read long1 = entries.get(ustar ? "./x" : "./" + LONG_NAME);
        assertArrayEquals(new byte[100_000], long1.contents);
        if (format.equals("pax")) {
            assertEquals(-315521755L, long1.entry.mtimeSeconds());
            assertEquals(123_456_789, long1.entry.mtimeNanos());
        }
        if (!ustar) {
            assertEquals(
                    "t/".repeat(100).replaceAll("/$", ""),
                    entries.get("./symlong").entry.target().replaceAll("/$", ""));
        }
        assertEquals(FileType.DIRECTORY, entries.get("./").entry.type());
    }

    @ParameterizedTest
    @CsvSource({"gnu, ''", "pax, 0.0", "pax, 0.1", "pax, 1.0"})
    void sparseFiles(String format, String version, @TempDir Path directory) throws IOException {
        Commands.assumePresent("tar");
        Path file = directory.resolve("sparse");
        byte[] expected = sparse(file, 40, 3_000_000);
        Path holesOnly = directory.resolve("holes");
        sparse(holesOnly, 0, 1 << 20);
        Path archive = directory.resolve("archive.tar");
        Commands.run(
                "tar",
                "--format=" + format,
                "--sparse" + (version.isEmpty() ? "" : "-version=" + version),
                "--hole-detection=raw",
                "-C",
                directory.toString(),
                "-cf",
                archive.toString(),
                "sparse",
                "holes");
        assertTrue(Files.size(archive) < 1_500_000, "is sparse: " + Files.size(archive));
        Entries entries = read(Files.readAllBytes(archive));
        assertArrayEquals(expected, entries.get("sparse").contents);
        assertEquals(3_000_000, entries.get("sparse").entry.size());
        assertArrayEquals(new byte[1 << 20], entries.get("holes").contents);
    }

    /** A file with islands of data of some KiB in holes. */
    private static byte[] sparse(Path file, int islands, int size) throws IOException {
        byte[] bytes = new byte[size];
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            for (int i = 0; i < islands; i++) {
                int at = i * 65_536 + 4096;
                Arrays.fill(bytes, at, at + 4096, (byte) (i + 1));
                channel.write(ByteBuffer.wrap(bytes, at, 4096), at);
            }
            channel.write(ByteBuffer.wrap(new byte[] {9}), size - 1);
            bytes[size - 1] = 9;
            if (islands == 0) {
                channel.truncate(0);
                channel.write(ByteBuffer.wrap(new byte[] {0}), size - 1);
                bytes[size - 1] = 0;
            }
        }
        return bytes;
    }

    @Test
    void holesCanBeSkipped() throws IOException {
        TarEntry entry = entry("s", 1_000_000);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        TarWriter writer = new TarWriter(bytes);
        writer.putSparse(entry, List.of(new TarWriter.Region(1000, 3), new TarWriter.Region(500_000, 5)));
        writer.write("abcdefgh".getBytes(StandardCharsets.US_ASCII), 0, 8);
        writer.put(entry("after", 1));
        writer.write(new byte[] {7}, 0, 1);
        writer.finish();
        TarReader tar = new TarReader(new ByteArrayInputStream(bytes.toByteArray()), "archive");
        TarEntry sparse = tar.next();
        assertEquals("s", sparse == null ? "" : sparse.name());
        assertEquals(1000, tar.hole());
        tar.skipHole(900);
        assertEquals(100, tar.hole());
        byte[] buffer = new byte[200];
        assertEquals(100, tar.read(buffer, 0, 200));
        assertEquals(3, tar.read(buffer, 0, 200));
        assertEquals('a', buffer[0]);
        assertEquals(500_000 - 1003, tar.hole());
        assertThrows(IllegalArgumentException.class, () -> tar.skipHole(500_000));
        TarEntry after = tar.next();
        assertEquals("after", after == null ? "" : after.name());
        assertEquals(0, tar.hole());
        assertArrayEquals(new byte[] {7}, contents(tar));
    }

    @Test
    void globalHeadersApplyUntilAnEntrySaysOtherwise() throws IOException {
        ByteArrayOutputStream archive = new ByteArrayOutputStream();
        archive.write(extension('g', record("uid", "4000") + record("mtime", "-0.000001")));
        archive.write(header("one", '0', 0));
        archive.write(
                extension('x', record("uid", "50") + record("mtime", "5.25") + record("SCHILY.xattr.user.e", "")));
        archive.write(header("two", '0', 0));
        archive.write(header("three", '0', 0));
        Entries entries = read(archive.toByteArray());
        assertEquals(4000, entries.get("one").entry.uid());
        assertEquals(-1, entries.get("one").entry.mtimeSeconds());
        assertEquals(999_999_000, entries.get("one").entry.mtimeNanos());
        assertEquals(50, entries.get("two").entry.uid());
        assertEquals(250_000_000, entries.get("two").entry.mtimeNanos());
        assertEquals("", entries.get("two").xattr("user.e"));
        assertEquals(4000, entries.get("three").entry.uid());
        assertTrue(entries.get("three").entry.xattrs().isEmpty());
    }

    /** Each of them is small enough. */
    @Test
    void endlessHeadersAreRefused() {
        String records = record("comment", "c".repeat(20_000));
        for (char type : new char[] {'x', 'L', 'K'}) {
            ByteArrayOutputStream archive = new ByteArrayOutputStream();
            for (int i = 0; i < 110; i++) {
                archive.writeBytes(extension(type, records));
            }
            archive.writeBytes(header("f", '0', 0));
            CorruptImageException e = assertThrows(CorruptImageException.class, () -> read(archive.toByteArray()));
            assertTrue(e.problem().startsWith("extended headers of more than 2097152 bytes"), e.toString());
        }
        ByteArrayOutputStream global = new ByteArrayOutputStream();
        for (int i = 0; i < 4; i++) {
            global.writeBytes(extension('g', record("SCHILY.xattr.user." + i, "v".repeat(20_000))));
        }
        assertThrows(CorruptImageException.class, () -> read(global.toByteArray()));
    }

    /** The time of a header with many records grows with their number, not with its square: that would be minutes here. */
    @Test
    @Timeout(60)
    void aHeaderOfManyRecordsTakesNoLongerThanItIs() throws IOException {
        StringBuilder records = new StringBuilder();
        for (int i = 0; records.length() < (1 << 20) - 100; i++) {
            records.append(record("k" + i, "1"));
        }
        ByteArrayOutputStream archive = new ByteArrayOutputStream();
        for (int i = 0; i < 50; i++) {
            archive.write(extension('x', records.toString()));
            archive.write(header("f" + i, '0', 0));
        }
        assertEquals(50, read(archive.toByteArray()).size());
    }

    @Test
    void xattrsOfLibarchiveAreDecoded() throws IOException {
        ByteArrayOutputStream archive = new ByteArrayOutputStream();
        archive.write(extension(
                'x',
                record("LIBARCHIVE.xattr.user.a%20b", "aGk")
                        + record("LIBARCHIVE.xattr.user.c", "eA==")
                        + record("SCHILY.xattr.user.c", "y\nz")));
        archive.write(header("f", '0', 0));
        Read file = read(archive.toByteArray()).get("f");
        assertEquals("hi", file.xattr("user.a b"));
        assertEquals("y\nz", file.xattr("user.c"));
    }

    @Test
    void numbersInBase256() throws IOException {
        byte[] header = header("f", '0', 0);
        base256(header, TarLayout.MTIME, 12, -1_000_000_000_000L);
        base256(header, TarLayout.UID, 8, 4_294_967_295L);
        seal(header);
        TarEntry entry = read(header).get("f").entry;
        assertEquals(-1_000_000_000_000L, entry.mtimeSeconds());
        assertEquals(4_294_967_295L, entry.uid());
    }

    /** As umoci writes layers. */
    @Test
    void paddingAtTheEndMayBeMissing() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        TarWriter tar = new TarWriter(bytes);
        tar.put(new TarEntry(
                "f", FileType.REGULAR, false, 0644, 0, 0, 5, 0, 0, "", 0, 0, Collections.emptySortedMap()));
        tar.write("added".getBytes(StandardCharsets.US_ASCII), 0, 5);
        for (int missing : new int[] {0, 1, 507}) {
            byte[] cut = Arrays.copyOf(bytes.toByteArray(), 1024 - missing);
            assertEquals("added", new String(read(cut).get("f").contents, StandardCharsets.US_ASCII));
        }
        assertThrows(CorruptImageException.class, () -> read(Arrays.copyOf(bytes.toByteArray(), 516)));
    }

    @Test
    void theEndIsCheckedAndWhatFollowsIsRead() throws IOException {
        byte[] one = header("f", '0', 0);
        assertEquals(1, read(one).size());
        assertEquals(1, read(Arrays.copyOf(one, 1024)).size());
        assertEquals(1, read(Arrays.copyOf(one, 10_240)).size());
        byte[] zeroBetween = Arrays.copyOf(one, 1536);
        System.arraycopy(one, 0, zeroBetween, 1024, 512);
        assertThrows(CorruptImageException.class, () -> read(zeroBetween));
        byte[] garbageBehind = Arrays.copyOf(one, 2560);
        garbageBehind[2048] = 1;
        assertEquals(1, read(garbageBehind).size());
        assertThrows(CorruptImageException.class, () -> read(Arrays.copyOf(one, 700)));
    }

    @Test
    void brokenSparseFilesAreRefused() {
        for (String records : new String[] {
            record("GNU.sparse.size", "100") + record("GNU.sparse.map", "0,10,5,10"),
            record("GNU.sparse.size", "100") + record("GNU.sparse.map", "0,10,95"),
            record("GNU.sparse.size", "100") + record("GNU.sparse.map", "95,10"),
            record("GNU.sparse.size", "100") + record("GNU.sparse.map", "0,-1"),
            record("GNU.sparse.size", "100") + record("GNU.sparse.map", "0,10"),
            record("GNU.sparse.size", "-5") + record("GNU.sparse.map", ""),
            record("GNU.sparse.size", "99999999999999999999"),
            record("GNU.sparse.major", "1") + record("GNU.sparse.minor", "0") + record("GNU.sparse.realsize", "5"),
            record("GNU.sparse.major", "1") + record("GNU.sparse.minor", "0"),
        }) {
            ByteArrayOutputStream archive = new ByteArrayOutputStream();
            archive.writeBytes(extension('x', records));
            archive.writeBytes(header("f", '0', 512));
            archive.writeBytes("99999999\n".repeat(200).getBytes(StandardCharsets.US_ASCII));
            assertThrows(CorruptImageException.class, () -> read(archive.toByteArray()), records);
        }
    }

    private static TarEntry entry(String name, long size) {
        return new TarEntry(
                name, FileType.REGULAR, false, 0644, 0, 0, size, 0, 0, "", 0, 0, Collections.emptySortedMap());
    }

    private static String record(String key, String value) {
        String text = " " + key + "=" + value + "\n";
        int length = text.length() + 1;
        while (Integer.toString(length).length() + text.length() != length) {
            length++;
        }
        return length + text;
    }

    private static byte[] header(String name, char type, long size) {
        byte[] header = new byte[512];
        byte[] bytes = name.getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(bytes, 0, header, 0, bytes.length);
        byte[] octal = "%011o".formatted(size).getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(octal, 0, header, TarLayout.SIZE, octal.length);
        header[TarLayout.TYPE] = (byte) type;
        return seal(header);
    }

    private static byte[] extension(char type, String records) {
        byte[] bytes = records.getBytes(StandardCharsets.ISO_8859_1);
        ByteArrayOutputStream extension = new ByteArrayOutputStream();
        extension.writeBytes(header("extension", type, bytes.length));
        extension.writeBytes(Arrays.copyOf(bytes, (bytes.length + 511) / 512 * 512));
        return extension.toByteArray();
    }

    private static byte[] seal(byte[] header) {
        byte[] sum = "%06o\0 ".formatted(TarLayout.checksum(header, false)).getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(sum, 0, header, TarLayout.CHECKSUM, sum.length);
        return header;
    }

    private static void base256(byte[] header, int at, int length, long value) {
        for (int i = 0; i < length; i++) {
            int shift = 8 * (length - 1 - i);
            header[at + i] = (byte) (shift > 56 ? value >> 63 : value >> shift);
        }
        header[at] |= (byte) 0x80;
    }
}
