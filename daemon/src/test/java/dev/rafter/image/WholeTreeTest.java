package dev.rafter.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.build.LayerSource;
import dev.rafter.build.SourceTree;
import dev.rafter.cli.CommandResult;
import dev.rafter.format.FileType;
import dev.rafter.format.tar.TarEntry;
import dev.rafter.format.tar.TarReader;
import dev.rafter.format.tar.TarWriter;
import dev.rafter.format.tar.TarWriter.Region;
import dev.rafter.oci.Platform;
import dev.rafter.registry.ImageReference;
import dev.rafter.registry.ImageSource;
import dev.rafter.registry.Images;
import dev.rafter.registry.RegistryOptions;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole trees of images, exported and compared. */
@Timeout(120)
class WholeTreeTest {
    private static final Path FIXTURES = Path.of(System.getProperty("rafter.shared"), "fixtures");
    private static final Images IMAGES = new Images(RegistryOptions.DEFAULTS);

    @TempDir
    private Path directory = Path.of("");

    private OpenedImage open(String reference) throws IOException {
        Path store = Files.createTempDirectory(directory, "store");
        return new ImageOpener(IMAGES::open, ImageStore.open(store))
                .open(ImageReference.parse(reference), Platform.current());
    }

    private static String fixture(String name) {
        Assumptions.assumeTrue(Files.isDirectory(FIXTURES), "the golden images are not here");
        return "oci:" + FIXTURES.resolve(name) + ":fixture";
    }

    private static void convert(String source, Path target) {
        CommandResult result = CommandResult.of("convert", source, "oci:" + target);
        assertEquals(0, result.exitCode(), result.err());
    }

    private Path export(OpenedImage image) throws IOException {
        Path file = directory.resolve("export.tar");
        try (ImageTree tree = ImageTree.open(image, 0, Duration.ofMinutes(1));
                OutputStream out = Files.newOutputStream(file)) {
            ImageExport.write(tree, out, warning -> {
                throw new AssertionError(warning);
            });
        }
        return file;
    }

    private record Layer(String describe, Path file) implements LayerSource {
        @Override
        public InputStream open() throws IOException {
            return Files.newInputStream(file);
        }
    }

    private record Patch(byte[] tar) implements LayerSource {
        @Override
        public String describe() {
            return "patch";
        }

        @Override
        public InputStream open() {
            return new ByteArrayInputStream(tar);
        }
    }

    private static List<String> differences(OpenedImage image, List<LayerSource> layers) throws IOException {
        List<String> differences = new ArrayList<>();
        try (ImageTree tree = ImageTree.open(image, 0, Duration.ofMinutes(1))) {
            long count = ImageComparison.compare(tree, SourceTree.read(layers), differences::add);
            assertEquals(Math.min(count, 51), differences.size());
        }
        return differences;
    }

    @ParameterizedTest
    @ValueSource(strings = {"rafs6-zstd", "rafs6-lz4", "rafs6-none", "rafs6-batch", "rafs6-chunk64k", "rafs6-dict"})
    void exportedAndReadAgainTheTreeOfAnImageIsTheSame(String name) throws IOException {
        try (OpenedImage image = open(fixture(name))) {
            assertEquals(List.of(), differences(image, List.of(new Layer("export", export(image)))));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"plain", "block512", "chunk64k", "shared-xattr"})
    void soIsThatOfAnImageFile(String name) throws IOException {
        Path packed = FIXTURES.resolve("erofs").resolve(name + ".erofs.gz");
        Assumptions.assumeTrue(Files.exists(packed), "the golden images are not here");
        Path file = directory.resolve(name + ".erofs");
        try (InputStream in = new GZIPInputStream(Files.newInputStream(packed))) {
            Files.copy(in, file);
        }
        try (OpenedImage image = open("erofs:" + file)) {
            assertEquals(List.of(), differences(image, List.of(new Layer("export", export(image)))));
        }
    }

    /** What {@code docker save} writes since Docker 25 is a tar of a layout, from which chunks are read where they lie. */
    @Test
    void soIsThatOfAnImageInAnArchive() throws IOException {
        fixture("rafs6-zstd");
        Path archive = directory.resolve("saved.tar");
        try (OutputStream out = Files.newOutputStream(archive)) {
            writeTar(FIXTURES.resolve("rafs6-zstd"), new TarWriter(out));
        }
        List<LayerSource> exported;
        try (OpenedImage image = open("docker-archive:" + archive + ":fixture")) {
            exported = List.of(new Layer("export", export(image)));
            assertEquals(List.of(), differences(image, exported));
        }
        try (OpenedImage original = open(fixture("rafs6-zstd"))) {
            assertEquals(List.of(), differences(original, exported));
        }
    }

    private static void writeTar(Path folder, TarWriter tar) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
                TestArchive.file(tar, folder.relativize(file).toString(), Files.readAllBytes(file));
            }
        }
        tar.finish();
    }

    @Test
    void aConvertedImageIsEqualToItsOriginalAndTheCommandSaysSo() {
        Path target = directory.resolve("converted");
        convert(fixture("oci-gzip"), target);
        CommandResult equal = CommandResult.of("check", "oci:" + target, "--against", fixture("oci-gzip"));
        assertEquals("", equal.err());
        assertEquals(0, equal.exitCode());
        assertTrue(equal.out().contains("and as oci:"), equal.out());
        CommandResult tree = CommandResult.of("check", "oci:" + target, "--against", fixture("rafs6-zstd"));
        assertEquals(3, tree.exitCode());
        assertTrue(tree.err().contains("name an image of tar layers"), tree.err());
    }

    @Test
    void whatTheReferenceToolsConvertedOtherwiseIsNamedByPath() {
        CommandResult result = CommandResult.of("check", fixture("rafs6-zstd"), "--against", fixture("oci-gzip"));
        assertEquals(3, result.exitCode());
        assertTrue(result.err().matches("(?s).*: 0 problems, \\d+ differences from oci:.*"), result.err());
        assertTrue(
                result.out().contains("/: mtime is 0.000000000, in the original 1611586934.000000000\n"), result.out());
    }

    @Test
    void everyDifferenceIsNamed() throws IOException {
        Path archive = directory.resolve("image.tar");
        byte[] layer = TestArchive.layer(tar -> {
            TestArchive.file(tar, "contents", "abc".getBytes(StandardCharsets.UTF_8));
            TestArchive.file(tar, "size", new byte[10]);
            TestArchive.file(tar, "same", new byte[10]);
            tar.put(TestArchive.entry("mode", FileType.FIFO, 0600, 0, ""));
            tar.put(TestArchive.entry("type", FileType.FIFO, 0600, 0, ""));
            tar.put(TestArchive.entry("link", FileType.SYMLINK, 0777, 0, "a"));
            tar.put(TestArchive.entry("d", FileType.DIRECTORY, 0755, 0, "", xattrs("user.a", "1", "user.b", "2")));
            TestArchive.file(tar, "d/removed", new byte[0]);
            TestArchive.file(tar, "linked", new byte[1]);
            tar.put(TestArchive.hardLink("linked-too", "linked"));
        });
        byte[] patch = TestArchive.layer(tar -> {
            TestArchive.file(tar, "contents", "abd".getBytes(StandardCharsets.UTF_8));
            TestArchive.file(tar, "size", new byte[11]);
            tar.put(TestArchive.entry("mode", FileType.FIFO, 0640, 0, ""));
            tar.put(TestArchive.entry("type", FileType.DIRECTORY, 0755, 0, ""));
            tar.put(TestArchive.entry("link", FileType.SYMLINK, 0777, 0, "b"));
            tar.put(TestArchive.entry("d", FileType.DIRECTORY, 0755, 0, "", xattrs("user.a", "3", "user.c", "2")));
            TestArchive.file(tar, "d/.wh.removed", new byte[0]);
            TestArchive.file(tar, "d/added", new byte[0]);
            TestArchive.file(tar, "linked-too", new byte[1]);
        });
        TestArchive.write(archive, "", List.of(layer));
        convert("docker-archive:" + archive, directory.resolve("converted"));
        try (OpenedImage image = open("oci:" + directory.resolve("converted"))) {
            assertEquals(List.of(), differences(image, List.of(new Patch(layer))));
            assertEquals(
                    List.of(
                            "/contents: contents differ",
                            "/d: xattr user.a has another value",
                            "/d: xattr user.b is only in the image",
                            "/d: xattr user.c is not in the image",
                            "/d/added: is not in the image",
                            "/d/removed: is only in the image",
                            "/link: target is a, in the original b",
                            "/linked-too: file that it is a hard link of is /linked, in the original none",
                            "/mode: mode is 0600, in the original 0640",
                            "/size: size is 10, in the original 11",
                            "/type: type is FIFO, in the original DIRECTORY"),
                    differences(image, List.of(new Patch(layer), new Patch(patch))));
        }
    }

    private static SortedMap<String, byte[]> xattrs(String... namesAndValues) {
        SortedMap<String, byte[]> xattrs = new TreeMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            xattrs.put(namesAndValues[i], namesAndValues[i + 1].getBytes(StandardCharsets.UTF_8));
        }
        return xattrs;
    }

    /** RAFS has no holes: a sparse file is many references to one chunk of zeros, and a hole again when it is exported. */
    @Test
    void holesStayHoles() throws IOException, InterruptedException {
        long size = 64L << 20;
        Path archive = directory.resolve("image.tar");
        byte[] layer = TestArchive.layer(tar -> {
            tar.putSparse(TestArchive.entry("holes", FileType.REGULAR, 0644, size, ""), List.of());
            tar.putSparse(
                    TestArchive.entry("island", FileType.REGULAR, 0644, size, ""), List.of(new Region(20L << 20, 3)));
            tar.write("abc".getBytes(StandardCharsets.UTF_8), 0, 3);
        });
        TestArchive.write(archive, "", List.of(layer));
        convert("docker-archive:" + archive, directory.resolve("converted"));
        try (OpenedImage image = open("oci:" + directory.resolve("converted"))) {
            Path tar = export(image);
            assertTrue(
                    Files.size(tar) < 1 << 20,
                    () -> "the archive has " + tar.toFile().length() + " bytes");
            assertEquals(List.of(), differences(image, List.of(new Layer("export", tar))));
            Path unpacked = Files.createDirectory(directory.resolve("unpacked"));
            run("tar", "-C", unpacked.toString(), "-xf", tar.toString());
            for (Map.Entry<String, Long> data :
                    Map.of("holes", 0L, "island", 256L << 10).entrySet()) {
                Path file = unpacked.resolve(data.getKey());
                assertEquals(size, Files.size(file));
                assertEquals(data.getValue(), 512 * (long) Long.valueOf(run("stat", "-c", "%b", file.toString())));
            }
        }
    }

    /** Four million chunks, all the same: bounded time and memory, wherever they are looked at. */
    @Test
    void aHoleOfATerabyteTakesNoTime() throws IOException {
        long size = 1_000_000_000_000L;
        Path archive = directory.resolve("image.tar");
        byte[] layer = TestArchive.layer(tar -> {
            tar.putSparse(
                    TestArchive.entry("huge", FileType.REGULAR, 0644, size, ""), List.of(new Region(size / 2 + 1, 3)));
            tar.write("abc".getBytes(StandardCharsets.UTF_8), 0, 3);
        });
        TestArchive.write(archive, "", List.of(layer));
        convert("docker-archive:" + archive, directory.resolve("converted"));
        try (OpenedImage image = open("oci:" + directory.resolve("converted"));
                InputStream in = Files.newInputStream(export(image))) {
            TarReader tar = new TarReader(in, "export");
            assertEquals("./", Objects.requireNonNull(tar.next()).name());
            TarEntry huge = Objects.requireNonNull(tar.next());
            assertEquals(size, huge.size());
            assertTrue(tar.hole() > size / 2 - (1 << 20), () -> "a hole of " + tar.hole());
        }
        assertEquals(
                0,
                CommandResult.of("check", "oci:" + directory.resolve("converted"))
                        .exitCode());
    }

    private static String run(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        assertEquals(0, process.waitFor(), out);
        return out;
    }

    @Test
    void aSpooledImageFetchesEachBlobOnceAndIsTheSame() throws IOException {
        try (OpenedImage image = open(fixture("rafs6-zstd"));
                ImageSource source = IMAGES.open(ImageReference.parse(fixture("rafs6-zstd")))) {
            OpenedImage spooled = image.spooled(directory);
            byte[] direct = Files.readAllBytes(export(image));
            assertEquals(-1, Arrays.mismatch(direct, Files.readAllBytes(export(spooled))), source.describe());
            try (Stream<Path> files = Files.list(directory)) {
                assertEquals(
                        image.devices().size(),
                        files.filter(file -> file.getFileName().toString().startsWith("spool-"))
                                .count());
            }
        }
    }
}
