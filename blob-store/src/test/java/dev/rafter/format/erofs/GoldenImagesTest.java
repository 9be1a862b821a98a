package dev.rafter.format.erofs;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.format.UnsupportedImageException;
import dev.rafter.testkit.ExpectedTree;
import dev.rafter.testkit.Fixtures;
import dev.rafter.testkit.ImageTree;
import dev.rafter.testkit.Tree;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.Stream;
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
