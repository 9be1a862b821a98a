package dev.rafter.format.erofs;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.rafter.format.Extent;
import dev.rafter.format.FileNode;
import dev.rafter.format.FileNode.ChunkRef;
import dev.rafter.format.FileNode.Contents;
import dev.rafter.format.FileType;
import dev.rafter.testkit.ImageTree;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/**
 * Images of one fixed tree, by digest: the writer gives the same bytes on every machine and in every version. A change that moves them changes the digest of every
 * image that anybody builds; let it be one that was meant, and say so in the change log.
 */
class GoldenDigestTest {
    @Test
    void plainImage() throws IOException {
        ErofsOptions options = ErofsOptions.builder()
                .uuid(UUID.fromString("00112233-4455-6677-8899-aabbccddeeff"))
                .volumeName("golden")
                .epoch(1_700_000_000L, 0)
                .build();
        assertDigest(
                "6d5d3f1335bea8213fdac4fdfb50ca793875b1f4cdadf031f3925f7f0601831d",
                tree(inline(5000), inline(100)),
                options);
    }

    @Test
    void plainImageWithSmallBlocks() throws IOException {
        ErofsOptions options =
                ErofsOptions.builder().blockBits(9).compactInodes(false).build();
        assertDigest(
                "482215ad0d05ef32712e6eefb0f5aef174216c6ef71e41f69a40ba0d8c57b85d",
                tree(inline(5000), inline(100)),
                options);
    }

    @Test
    void imageWithDevices() throws IOException {
        ErofsOptions options = ErofsOptions.builder().devices(devices()).build();
        assertDigest(
                "51bb7222c8fed12b6f8343201b00dfdbc2099d84948208c6953d882ff7d5405b", tree(chunks(), chunks()), options);
    }

    @Test
    void rafsBootstrap() throws IOException {
        ErofsOptions options = ErofsOptions.builder()
                .dialect(Dialect.RAFS_V6)
                .devices(devices())
                .extensionSize(256)
                .tablesSize(600)
                .chunkBits(12)
                .contiguousFilesAsOneChunk(true)
                .build();
        assertDigest(
                "a575763cdf4454a5010e145e8e4709f962777f98842c07e284437054066c8acc", tree(chunks(), chunks()), options);
    }

    private static List<Device> devices() {
        return List.of(new Device("first", 8, 512), new Device("second", 4, 1024));
    }

    private static Contents inline(int size) {
        byte[] bytes = new byte[size];
        for (int i = 0; i < size; i++) {
            bytes[i] = (byte) (i * 7 + i / 256);
        }
        return new Contents.Inline(bytes);
    }

    private static Contents chunks() {
        return new Contents.Chunks(
                12_000,
                List.of(
                        new ChunkRef(1, 3, 12_288, 4096),
                        new ChunkRef(Extent.HOLE, 0, 0, 4096),
                        new ChunkRef(2, 0x12345, 0, 3808)));
    }

    private static FileNode tree(Contents large, Contents small) {
        FileNode root = new FileNode(FileType.DIRECTORY, 0755).mtime(1_700_000_000L, 0);
        FileNode sub =
                new FileNode(FileType.DIRECTORY, 01777).owner(1000, 70_000).mtime(-1, 999_999_999);
        FileNode file = new FileNode(FileType.REGULAR, 04755)
                .contents(large)
                .xattrs(xattrs("user.key", "value", "security.label", "common"));
        root.children().put("sub", sub);
        root.children().put("!first", file);
        root.children().put("link", new FileNode(FileType.SYMLINK, 0777).target("sub/file"));
        root.children().put("pipe", new FileNode(FileType.FIFO, 0600).xattrs(xattrs("security.label", "common")));
        root.children().put("null", new FileNode(FileType.CHARACTER_DEVICE, 0666).device(259, 70_000));
        sub.children().put("file", file);
        sub.children()
                .put(
                        "small",
                        new FileNode(FileType.REGULAR, 0644)
                                .contents(small)
                                .mtime(1_700_000_000L, 0)
                                .xattrs(xattrs("security.label", "common")));
        for (int i = 0; i < 400; i++) {
            sub.children().put("entry" + i, new FileNode(FileType.REGULAR, 0));
        }
        return root;
    }

    private static SortedMap<String, byte[]> xattrs(String... namesAndValues) {
        SortedMap<String, byte[]> xattrs = new TreeMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            xattrs.putAll(Map.of(namesAndValues[i], namesAndValues[i + 1].getBytes(StandardCharsets.US_ASCII)));
        }
        return xattrs;
    }

    private static void assertDigest(String expected, FileNode root, ErofsOptions options) throws IOException {
        ErofsWriter writer = ErofsWriter.layOut(root, options);
        byte[] bytes = new byte[Math.toIntExact(writer.size())];
        writer.write(MemorySegment.ofArray(bytes));
        ErofsImage.open(MemorySegment.ofArray(bytes), "golden", ErofsImage.Devices.SEPARATE, options.dialect())
                .validate((_, _) -> {});
        assertEquals(expected, HexFormat.of().formatHex(ImageTree.newSha256().digest(bytes)));
    }
}
