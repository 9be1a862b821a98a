package dev.rafter.build;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.build.ImageBuilder.BuiltBlob;
import dev.rafter.build.ImageBuilder.BuiltImage;
import dev.rafter.codec.Codec;
import dev.rafter.digest.DigestAlgorithm;
import dev.rafter.format.CorruptImageException;
import dev.rafter.format.rafs.RafsBootstrap;
import dev.rafter.testkit.ExpectedTree;
import dev.rafter.testkit.Seeds;
import dev.rafter.testkit.Tree;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Images built from layers and read back. */
@Timeout(60)
class ImageBuilderTest {
    private static final BuildOptions SMALL_CHUNKS = options(4096, Codec.ZSTD, DigestAlgorithm.SHA256, 2);

    @TempDir
    private Path directory = Path.of("");

    private int builds;

    private static BuildOptions options(int chunkSize, Codec codec, DigestAlgorithm digest, int threads) {
        return new BuildOptions(chunkSize, codec, digest, Codec.DEFAULT_ZSTD_LEVEL, threads);
    }

    private BuiltImage build(BuildOptions options, List<LayerSource> layers, ChunkDictionary dictionary)
            throws IOException {
        Path work = Files.createDirectory(directory.resolve("build-" + builds++));
        return new ImageBuilder(options, work).build(layers, dictionary, _ -> {});
    }

    private BuiltImage build(BuildOptions options, LayerSource... layers) throws IOException {
        return build(options, List.of(layers), new ChunkDictionary());
    }

    private static Tree tree(BuiltImage... images) throws IOException {
        Map<String, Path> blobs = new HashMap<>();
        for (BuiltImage image : images) {
            image.blobs().forEach(blob -> blobs.put(blob.sha256(), blob.file()));
        }
        return BuiltTree.of(BuiltTree.bootstrap(images[0].bootstrap().file()), blobs);
    }

    private static LayerSource layer(TarBuilder tar) {
        return Layers.of("layer", tar.build());
    }

    @ParameterizedTest
    @CsvSource({
        "oci-gzip, 1048576, ZSTD, SHA256, 2",
        "oci-gzip, 1048576, ZSTD, SHA256, 1",
        "oci-mixed, 4096, LZ4_BLOCK, BLAKE3, 4",
        "oci-zstd, 65536, NONE, SHA256, 3",
        "docker-v2s2, 16777216, ZSTD, BLAKE3, 2",
    })
    void goldenImage(String fixture, int chunkSize, Codec codec, DigestAlgorithm digest, int threads)
            throws IOException {
        BuiltImage built =
                build(options(chunkSize, codec, digest, threads), Layers.ofFixture(fixture), new ChunkDictionary());
        Tree.assertSame(ExpectedTree.of(fixture), tree(built));
    }

    @Test
    void theSameLayersGiveTheSameBytesHoweverManyThreadsWork() throws IOException {
        List<LayerSource> layers = List.of(layer(noise(1, 40)), layer(noise(1, 60)), layer(noise(1, 50)));
        BuiltImage once = build(options(4096, Codec.ZSTD, DigestAlgorithm.SHA256, 1), layers, new ChunkDictionary());
        for (int threads : new int[] {1, 2, 4, 8}) {
            BuiltImage again =
                    build(options(4096, Codec.ZSTD, DigestAlgorithm.SHA256, threads), layers, new ChunkDictionary());
            assertEquals(digests(once), digests(again), "threads=" + threads);
        }
    }

    /** A level is zstd's: LZ4 took it for one of high compression, and was slower than zstd. */
    @Test
    void lz4IsFastWhateverTheLevelOfZstd() throws IOException {
        TarBuilder text = new TarBuilder();
        for (int i = 0; i < 20; i++) {
            text.file("f" + i, ("line " + i + " of a text that repeats itself, more or less\n").repeat(100 + i));
        }
        List<List<String>> built = new ArrayList<>();
        for (int level : List.of(0, Codec.DEFAULT_ZSTD_LEVEL, 17)) {
            BuildOptions options = new BuildOptions(4096, Codec.LZ4_BLOCK, DigestAlgorithm.SHA256, level, 2);
            built.add(digests(build(options, layer(text))));
        }
        assertEquals(built.get(0), built.get(1));
        assertEquals(built.get(0), built.get(2));
    }

    private static List<String> digests(BuiltImage image) {
        List<String> digests =
                new ArrayList<>(image.blobs().stream().map(BuiltBlob::sha256).toList());
        digests.add(image.bootstrap().sha256());
        return digests;
    }

    /** Files of random sizes around those of chunks; the same seed gives the same files, and each layer has those of the smaller ones. */
    private static TarBuilder noise(long usualSeed, int files) {
        Random random = new Random(Seeds.seed("ImageBuilderTest", usualSeed));
        TarBuilder tar = new TarBuilder();
        for (int i = 0; i < files; i++) {
            byte[] bytes = new byte[random.nextInt(5) * 4096 + random.nextInt(-1, 2) & 0x7FFF];
            random.nextBytes(bytes);
            tar.file("d" + i % 7 + "/f" + i, bytes);
        }
        return tar;
    }

    @Test
    void equalChunksAreStoredOnceInTheLowestLayer() throws IOException {
        byte[] two = new byte[8192];
        new Random(5).nextBytes(two);
        byte[] one = Arrays.copyOf(two, 4096);
        BuiltImage built = build(
                SMALL_CHUNKS,
                layer(new TarBuilder()
                        .file("a", one)
                        .file("zeros", new byte[1 << 20])
                        .file("empty", "")),
                layer(new TarBuilder().file("b", two).file("c", two).file("more", new byte[8192])),
                layer(new TarBuilder().file("d", one).directory("e")));
        RafsBootstrap bootstrap = BuiltTree.bootstrap(built.bootstrap().file());
        assertEquals(
                List.of(2, 1),
                bootstrap.blobs().stream().map(blob -> blob.chunkCount()).toList());
        assertEquals(List.of(0, 1), built.blobs().stream().map(BuiltBlob::layer).toList());
        assertEquals(8192 * 2 + 4096 * 2 + (1 << 20) + 8192, built.contentBytes());
        assertEquals(8, tree(built).files().size() - 1);
    }

    @Test
    void chunksOfADictionaryAreReferredTo() throws IOException {
        BuiltImage base = build(SMALL_CHUNKS, layer(noise(7, 30)), layer(new TarBuilder().file("other", "not needed")));
        RafsBootstrap known = BuiltTree.bootstrap(base.bootstrap().file());
        ChunkDictionary dictionary = new ChunkDictionary();
        dictionary.add(known, SMALL_CHUNKS);
        List<LayerSource> layers = List.of(layer(noise(7, 30)), layer(new TarBuilder().file("own", new byte[5])));
        BuiltImage built = build(SMALL_CHUNKS, layers, dictionary);
        assertEquals(List.of(base.blobs().getFirst().sha256()), built.dictionaryBlobs());
        assertEquals(1, built.blobs().size());
        BuiltImage alone = build(SMALL_CHUNKS, layers, new ChunkDictionary());
        Tree.assertSame(tree(alone), tree(built, base));
    }

    @Test
    void aDictionaryOfOtherChunksIsRefused() throws IOException {
        BuiltImage base = build(SMALL_CHUNKS, layer(noise(7, 3)));
        RafsBootstrap known = BuiltTree.bootstrap(base.bootstrap().file());
        for (BuildOptions other : List.of(
                options(8192, Codec.ZSTD, DigestAlgorithm.SHA256, 1),
                options(4096, Codec.ZSTD, DigestAlgorithm.BLAKE3, 1))) {
            assertThrows(IllegalArgumentException.class, () -> new ChunkDictionary().add(known, other));
        }
    }

    @Test
    void anImageWithoutContentsHasNoBlob() throws IOException {
        BuiltImage built =
                build(SMALL_CHUNKS, layer(new TarBuilder().directory("d").symlink("l", "d")));
        assertEquals(List.of(), built.blobs());
        assertEquals(3, tree(built).files().size());
    }

    @Test
    void aBrokenLayerFailsAndNamesItself() {
        byte[] cut = Arrays.copyOf(noise(3, 20).build(), 9000);
        CorruptImageException e = assertThrows(
                CorruptImageException.class,
                () -> build(SMALL_CHUNKS, layer(noise(1, 300)), Layers.of("the broken one", cut)));
        assertEquals("the broken one", e.resource());
        assertTrue(e.offset() > 8000, String.valueOf(e.getMessage()));
    }

    @Test
    void aLayerThatCannotBeReadFails() {
        LayerSource gone = new Layers.Layer("gone", () -> {
            throw new IOException("no such layer");
        });
        IOException e = assertThrows(IOException.class, () -> build(SMALL_CHUNKS, layer(noise(1, 3)), gone));
        assertEquals("no such layer", e.getMessage());
    }
}
