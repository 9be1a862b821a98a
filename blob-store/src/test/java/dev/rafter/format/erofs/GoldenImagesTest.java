package dev.rafter.format.erofs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.format.UnsupportedImageException;
import dev.rafter.testkit.ExpectedTree;
import dev.rafter.testkit.Fixtures;
import dev.rafter.testkit.ImageTree;
import dev.rafter.testkit.Tree;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Images that mkfs.erofs wrote, read by us. */
@Timeout(60)
class GoldenImagesTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "plain",
                "plain-1.5",
                "chunk64k",
                "chunk-indexes",
                "block512",
                "noxattr",
                "shared-xattr",
                "xattr-prefix-plain",
                "extended",
                "dot-omitted",
                "compact",
                "fingerprints"
            })
    void uncompressedImageHoldsTheTree(String name) throws IOException {
        assertHoldsTheTree(name, List.of());
    }

    @ParameterizedTest
    @ValueSource(strings = {"chunk-blobdev/chunk-blobdev.blob", "tar-index/tar-index.tar"})
    void imageWithADeviceHoldsTheTree(String nameAndDevice) throws IOException {
        String[] parts = nameAndDevice.split("/", 2);
        assertHoldsTheTree(parts[0], List.of(Fixtures.segment(Fixtures.root().resolve("erofs/" + parts[1] + ".gz"))));
    }

    /** The kernel's view when it is given no devices: the image and its blob in one file, the blob where the table maps it. */
    @Test
    void flatImageHoldsTheTree() throws IOException {
        MemorySegment image = Fixtures.segment(Fixtures.root().resolve("erofs/chunk-blobdev.erofs.gz"));
        MemorySegment blob = Fixtures.segment(Fixtures.root().resolve("erofs/chunk-blobdev.blob.gz"));
        long at = ErofsImage.open(image, "separate", ErofsImage.Devices.SEPARATE)
                        .devices()
                        .getFirst()
                        .mappedBlock()
                << 12;
        MemorySegment flat = MemorySegment.ofArray(new byte[Math.toIntExact(at + blob.byteSize())]);
        flat.copyFrom(image);
        flat.asSlice(at).copyFrom(blob);
        Tree tree = ImageTree.of(ErofsImage.open(flat, "flat", ErofsImage.Devices.FLAT), List.of());
        Tree.assertSame(ExpectedTree.of("erofs/chunk-blobdev"), tree);
    }

    /** Images that are layers of their own, of container images. */
    @Test
    void bareLayersAreSound() throws IOException {
        int layers = 0;
        for (Path blob : Fixtures.list("erofs-layers/blobs/sha256", "*")) {
            MemorySegment bytes = Fixtures.segment(blob);
            if (bytes.byteSize() > 1028 && isErofs(bytes)) {
                ErofsImage.open(bytes, blob.getFileName().toString(), ErofsImage.Devices.SEPARATE)
                        .validate((_, _) -> {});
                layers++;
            }
        }
        assertEquals(2, layers);
    }

    private static boolean isErofs(MemorySegment bytes) {
        int magic = bytes.get(ValueLayout.JAVA_INT_UNALIGNED, ErofsLayout.SUPERBLOCK_OFFSET);
        return magic == (int) ErofsLayout.MAGIC;
    }

    static Stream<String> compressed() {
        return Stream.of(
                "lz4hc",
                "lz4hc-1.5",
                "fragments-1.5",
                "lzma",
                "deflate",
                "zstd",
                "lz4hc-64k",
                "zstd-1m",
                "ztailpacking",
                "all-fragments",
                "dedupe-fragments-zstd",
                "fragdedupe",
                "block1024-lz4",
                "legacy-compress",
                "xattr-prefix",
                "bit48-zstd",
                "metadata-compressed",
                "metabox",
                "dirs-compressed",
                "tar-full");
    }

    @ParameterizedTest
    @MethodSource("compressed")
    void compressedImageIsRefusedByItsFeature(String name) {
        UnsupportedImageException refused = assertThrows(UnsupportedImageException.class, () -> tree(name, List.of()));
        assertTrue(refused.feature().contains("compressed"), refused.getMessage());
    }

    private static void assertHoldsTheTree(String name, List<MemorySegment> devices) throws IOException {
        Tree.assertSame(ExpectedTree.of("erofs/" + name), tree(name, devices));
    }

    private static Tree tree(String name, List<MemorySegment> devices) throws IOException {
        MemorySegment segment = Fixtures.segment(Fixtures.root().resolve("erofs/" + name + ".erofs.gz"));
        return ImageTree.of(ErofsImage.open(segment, name, ErofsImage.Devices.SEPARATE), devices);
    }
}
