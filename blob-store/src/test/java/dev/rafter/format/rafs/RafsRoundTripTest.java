package dev.rafter.format.rafs;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.digest.DigestAlgorithm;
import dev.rafter.format.FileNode;
import dev.rafter.format.FileNode.ChunkRef;
import dev.rafter.format.FileNode.Contents;
import dev.rafter.format.FileType;
import dev.rafter.testkit.ImageTree;
import dev.rafter.testkit.Tree;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Trees written by us and read back. */
@Timeout(60)
class RafsRoundTripTest {
    @ParameterizedTest
    @CsvSource({
        "ZSTD, SHA256, 1048576",
        "ZSTD, BLAKE3, 65536",
        "LZ4_BLOCK, SHA256, 4096",
        "NONE, BLAKE3, 16777216",
    })
    void theOddTreeComesBackFromTwoBlobs(Compressor compressor, DigestAlgorithm digest, int chunkSize)
            throws IOException {
        RafsFixture fixture = RafsFixture.open("rafs6-zstd");
        RafsBootstrap source = RafsBootstrap.parse(RafsFixture.offHeap(fixture.bootstrap()), "source");
        List<MemorySegment> sourceDevices = DecodedDevice.all(source, fixture);
        TestImage image = new TestImage(compressor, digest, chunkSize);
        FileNode root = image.copy(source, sourceDevices);
        makeOdder(root);
        MemorySegment written = image.writeBootstrap(root, List.of(root));
        RafsBootstrap ours = RafsBootstrap.parse(written, "ours");
        ours.validate();
        Tree expected = withOddities(ImageTree.of(source.filesystem(), sourceDevices));
        Tree.assertSame(expected, ImageTree.of(ours.filesystem(), image.devices(ours)));
        assertEquals(List.of(ours.filesystem().root().number()), ours.prefetchInodes());
        assertEquals(chunkSize, ours.chunkSizeBytes());
        assertEquals(digest, ours.digestAlgorithm());
        assertEquals(compressor, ours.compressor());
        assertEquals(2, ours.blobs().size());
    }

    /** What tools of others lose: nanoseconds, times before 1970. */
    private static void makeOdder(FileNode root) {
        FileNode time = at(at(root, "opt"), "time");
        at(time, "nano").mtime(-5, 999_999_999);
        at(time, "y2106").mtime(5_000_000_000L, 1);
        root.mtime(1, 2);
    }

    private static Tree withOddities(Tree tree) {
        TreeMap<String, String> times = new TreeMap<>();
        times.put("/", "1.2");
        times.put("/opt/time/nano", "-5.999999999");
        times.put("/opt/time/y2106", "5000000000.1");
        return TestImage.withTimes(tree, times);
    }

    private static FileNode at(FileNode directory, String name) {
        FileNode child = directory.children().get(name);
        if (child == null) {
            throw new AssertionError(
                    "no " + name + " among " + directory.children().keySet());
        }
        return child;
    }

    @Test
    void theSameTreeGivesTheSameBytes() throws IOException {
        assertArrayEquals(small(), small());
    }

    private static byte[] small() throws IOException {
        TestImage image = new TestImage(Compressor.ZSTD, DigestAlgorithm.SHA256, 4096);
        FileNode root = new FileNode(FileType.DIRECTORY, 0755);
        for (int i = 0; i < 100; i++) {
            FileNode file = new FileNode(FileType.REGULAR, 0644);
            file.contents(image.store(("file " + i + " ").repeat(i * 50).getBytes(StandardCharsets.UTF_8), i % 2));
            root.children().put("f" + i, file);
        }
        return image.writeBootstrap(root, List.of()).toArray(ValueLayout.JAVA_BYTE);
    }

    @Test
    void anImageWithoutDataNeedsNoBlob() throws IOException {
        FileNode root = new FileNode(FileType.DIRECTORY, 0700);
        root.children().put("empty", new FileNode(FileType.REGULAR, 0600));
        RafsBootstrap read = RafsBootstrap.parse(write(root, List.of()), "ours");
        read.validate();
        assertTrue(read.blobs().isEmpty());
        assertTrue(read.prefetchInodes().isEmpty());
        assertEquals(1, read.filesystem().directory(read.filesystem().root()).size());
    }

    @Test
    void chunksThatNoBlobHasAreRefused() throws IOException {
        TestImage image = new TestImage(Compressor.NONE, DigestAlgorithm.SHA256, 4096);
        Contents stored = image.store(new byte[5000], 0);
        image.store(new byte[10], 1);
        List<RafsBlobWriter.Written> blobs = image.finish();
        ChunkRef first = ((Contents.Chunks) stored).chunks().getFirst();
        List<ChunkRef> wrong = List.of(
                new ChunkRef(3, 0, 0, 4096),
                new ChunkRef(1, 7, 0, 4096),
                new ChunkRef(1, 0, 8192, 4096),
                new ChunkRef(2, first.index(), first.deviceOffset(), first.size()));
        for (ChunkRef chunk : wrong) {
            FileNode root = new FileNode(FileType.DIRECTORY, 0700);
            FileNode file = new FileNode(FileType.REGULAR, 0600);
            root.children().put("file", file.contents(new Contents.Chunks(chunk.size(), List.of(chunk))));
            assertThrows(IllegalArgumentException.class, () -> write(root, blobs), chunk::toString);
        }
    }

    private static MemorySegment write(FileNode root, List<RafsBlobWriter.Written> blobs) throws IOException {
        RafsBootstrapWriter.Options options =
                new RafsBootstrapWriter.Options(4096, Compressor.NONE, DigestAlgorithm.SHA256, List.of());
        return TestImage.bootstrap(root, blobs, options);
    }
}
