package dev.rafter.format.rafs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.digest.DigestAlgorithm;
import dev.rafter.format.FileNode.ChunkRef;
import dev.rafter.format.UnsupportedImageException;
import dev.rafter.testkit.ExpectedTree;
import dev.rafter.testkit.Fixtures;
import dev.rafter.testkit.ImageTree;
import dev.rafter.testkit.Tree;
import dev.rafter.testkit.TreeFile;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Images of the reference tools hold the tree that they should, every byte of it checked by its chunk's digest. */
@Timeout(60)
class RafsGoldenTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "rafs6-zstd",
                "rafs6-lz4",
                "rafs6-none",
                "rafs6-batch",
                "rafs6-chunk64k",
                "rafs6-dict",
                "rafs6-sha256",
                "rafs6-prefetch"
            })
    void imageHoldsTheTree(String name) throws IOException {
        RafsFixture fixture = RafsFixture.open(name);
        RafsBootstrap bootstrap = parse(fixture);
        bootstrap.validate();
        List<MemorySegment> devices = DecodedDevice.all(bootstrap, fixture);
        Tree expected = ExpectedTree.of(name);
        Tree.assertSame(expected, ImageTree.of(bootstrap.filesystem(), devices));
        Tree.assertSame(expected, ImageTree.of(bootstrap.filesystem(), (file, sink) -> {
            for (ChunkRef chunk : bootstrap.fileChunks(file)) {
                sink.accept(devices.get(chunk.device() - 1).asSlice(chunk.deviceOffset(), chunk.size()));
            }
        }));
    }

    @ParameterizedTest
    @ValueSource(strings = {"rafs6-oci-ref", "full/rafs6-oci-ref"})
    void imageThatRefersToGzipLayersHoldsTheMetadata(String name) throws IOException {
        RafsFixture fixture = RafsFixture.open(name);
        RafsBootstrap bootstrap = parse(fixture);
        bootstrap.validate();
        Tree expected = name.startsWith("full/")
                ? ExpectedTree.of(Fixtures.root().resolve("full"), "rafs6-oci-ref")
                : ExpectedTree.of(name);
        Tree.assertSame(withoutContents(expected), withoutContents(ImageTree.of(bootstrap.filesystem(), (_, _) -> {})));
        for (RafsBlob blob : bootstrap.blobs()) {
            assertTrue(blob.isZran());
            byte[] stored = Files.readAllBytes(fixture.blob(blob.meta().blobId()));
            assertCheckpointsCoverTheChunks(blob, DecodedDevice.meta(blob, stored));
        }
    }

    private static void assertCheckpointsCoverTheChunks(RafsBlob blob, RafsBlobMeta meta) throws IOException {
        Set<Integer> used = new HashSet<>();
        for (int chunk = 0; chunk < blob.chunkCount(); chunk++) {
            int number = meta.zranContextOf(chunk);
            used.add(number);
            int end = meta.offsetInZranContext(chunk) + meta.sizeBytes(chunk);
            assertTrue(end <= meta.zranContext(number).outSizeBytes());
        }
        assertEquals(meta.contextCount(), used.size());
    }

    private static Tree withoutContents(Tree tree) {
        Tree.Builder stripped = new Tree.Builder();
        tree.files()
                .forEach((path, file) ->
                        stripped.add(path, withoutContents(file), file.group().isEmpty() ? path : file.group()));
        return stripped.build();
    }

    private static TreeFile withoutContents(TreeFile file) {
        return new TreeFile(
                file.type(),
                file.permissions(),
                file.uid(),
                file.gid(),
                file.size(),
                file.mtime(),
                "",
                file.links(),
                file.rdev(),
                file.target(),
                file.xattrs(),
                "");
    }

    @Test
    void encryptedImageIsRefusedWithTheReason() throws IOException {
        RafsFixture fixture = RafsFixture.open("rafs6-encrypted");
        UnsupportedImageException refused = assertThrows(UnsupportedImageException.class, () -> parse(fixture));
        assertTrue(refused.toString().contains("encrypted"), refused.getMessage());
    }

    @Test
    void version5IsRefusedWithTheReason() throws IOException {
        RafsFixture fixture = RafsFixture.open("rafs5-zstd");
        UnsupportedImageException refused = assertThrows(UnsupportedImageException.class, () -> parse(fixture));
        assertTrue(refused.toString().contains("RAFS version 5"), refused.getMessage());
        assertTrue(refused.toString().contains("rafter convert"), refused.getMessage());
    }

    @Test
    void tellsWhatItIs() throws IOException {
        assertEquals(
                DigestAlgorithm.SHA256, parse(RafsFixture.open("rafs6-sha256")).digestAlgorithm());
        RafsBootstrap small = parse(RafsFixture.open("rafs6-chunk64k"));
        assertEquals(DigestAlgorithm.BLAKE3, small.digestAlgorithm());
        assertEquals(1 << 16, small.chunkSizeBytes());
        assertEquals(Compressor.LZ4_BLOCK, parse(RafsFixture.open("rafs6-lz4")).compressor());
        RafsFixture dictionary = RafsFixture.open("rafs6-dict", "dict");
        assertTrue(RafsBootstrap.isRafsV6(MemorySegment.ofArray(dictionary.bootstrap())));
        String dictionaryBlob = parse(dictionary).blobs().getFirst().id();
        assertTrue(parse(RafsFixture.open("rafs6-dict")).blobs().stream()
                .anyMatch(blob -> blob.id().equals(dictionaryBlob)));
    }

    @Test
    void prefetchListNamesFiles() throws IOException {
        RafsBootstrap bootstrap = parse(RafsFixture.open("rafs6-prefetch"));
        List<Long> wanted = bootstrap.prefetchInodes();
        List<String> paths = new ArrayList<>();
        bootstrap.validate((at, inode) -> {
            if (wanted.contains(inode.number())) {
                paths.add(at.path());
            }
        });
        assertTrue(paths.containsAll(List.of("/app/config", "/app/run.sh", "/etc/passwd")), paths::toString);
        RafsBootstrap whole = parse(RafsFixture.open("rafs6-zstd"));
        assertEquals(List.of(whole.filesystem().root().number()), whole.prefetchInodes());
    }

    private static RafsBootstrap parse(RafsFixture fixture) throws IOException {
        return RafsBootstrap.parse(RafsFixture.offHeap(fixture.bootstrap()), fixture.name());
    }
}
