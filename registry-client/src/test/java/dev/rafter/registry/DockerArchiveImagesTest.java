package dev.rafter.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.rafter.oci.Descriptor;
import dev.rafter.oci.Manifest;
import dev.rafter.oci.MediaTypes;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The source contract on what "docker save" wrote, before and since Docker 25, and what is special about it. */
class DockerArchiveImagesTest {
    @TempDir
    static Path directory;

    private static Images images;

    @BeforeAll
    static void write() throws IOException {
        images = new Images(RegistryOptions.DEFAULTS);
        TestImage image = ImageSourceContract.IMAGE;
        writeTar(directory.resolve("old.tar"), oldForm(image, List.of("app:1", "registry.example/app:2")));
        Map<String, byte[]> layout = new LinkedHashMap<>();
        Path unpacked = directory.resolve("layout");
        image.pushTo(images.target(ImageReference.parse("oci:" + unpacked + ":1")));
        image.blobs().forEach((digest, bytes) -> layout.put("blobs/sha256/" + digest.hex(), bytes));
        layout.put("blobs/sha256/" + image.manifest().digest().hex(), image.document());
        layout.put("index.json", Files.readAllBytes(unpacked.resolve("index.json")));
        layout.put("oci-layout", Files.readAllBytes(unpacked.resolve("oci-layout")));
        layout.put("manifest.json", "[]".getBytes(StandardCharsets.UTF_8));
        writeTar(directory.resolve("new.tar"), layout);
    }

    @AfterAll
    static void stop() {
        images.close();
    }

    private static Map<String, byte[]> oldForm(TestImage image, List<String> tags) {
        Map<String, byte[]> files = new LinkedHashMap<>();
        List<String> names = new ArrayList<>();
        for (Descriptor layer : image.layers()) {
            // As docker names them; the last is longer than a plain header can hold.
            String name = layer.equals(image.layers().getLast())
                    ? "d".repeat(120) + "/layer.tar"
                    : layer.digest().hex() + "/layer.tar";
            names.add(name);
            files.put(name, image.content(layer));
        }
        String config = image.config().digest().hex() + ".json";
        files.put(config, image.content(image.config()));
        files.put("manifest.json", manifestJson(config, tags, names));
        return files;
    }

    private static byte[] manifestJson(String config, List<String> tags, List<String> layers) {
        return ("[{\"Config\":\"" + config + "\",\"RepoTags\":" + strings(tags) + ",\"Layers\":" + strings(layers)
                        + "}]")
                .getBytes(StandardCharsets.UTF_8);
    }

    private static String strings(List<String> values) {
        return values.stream().map(v -> "\"" + v + "\"").collect(Collectors.joining(",", "[", "]"));
    }

    private static void writeTar(Path file, Map<String, byte[]> entries) throws IOException {
        try (OutputStream out = Files.newOutputStream(file)) {
            for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
                byte[] name = entry.getKey().getBytes(StandardCharsets.UTF_8);
                if (name.length > 100) {
                    writeEntry(
                            out,
                            "././@LongLink".getBytes(StandardCharsets.UTF_8),
                            'L',
                            (entry.getKey() + "\0").getBytes(StandardCharsets.UTF_8));
                }
                writeEntry(out, name, '0', entry.getValue());
            }
            out.write(new byte[1024]);
        }
    }

    private static void writeEntry(OutputStream out, byte[] name, char type, byte[] content) throws IOException {
        byte[] header = new byte[512];
        System.arraycopy(name, 0, header, 0, Math.min(100, name.length));
        put(header, 100, "0000644\0");
        put(header, 124, "%011o\0".formatted(content.length));
        put(header, 148, "        ");
        header[156] = (byte) type;
        put(header, 257, "ustar\00000");
        int sum = 0;
        for (byte b : header) {
            sum += b & 0xff;
        }
        put(header, 148, "%06o\0 ".formatted(sum));
        out.write(header);
        out.write(content);
        out.write(new byte[(512 - content.length % 512) % 512]);
    }

    private static void put(byte[] header, int at, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(bytes, 0, header, at, bytes.length);
    }

    private static ImageSource archive(String name) throws IOException {
        return images.open(ImageReference.parse("docker-archive:" + directory.resolve(name)));
    }

    @Nested
    class Old extends ImageSourceContract {
        @Override
        ImageSource open() throws IOException {
            return archive("old.tar");
        }

        @Override
        ImageSource openUnknown() throws IOException {
            return archive("old.tar:none");
        }
    }

    @Nested
    class New extends ImageSourceContract {
        @Override
        ImageSource open() throws IOException {
            return archive("new.tar");
        }

        @Override
        ImageSource openUnknown() throws IOException {
            return archive("new.tar:none");
        }
    }

    @Test
    void tagsAreFoundByEachOfTheirNames() throws Exception {
        Descriptor expected = archive("old.tar").resolve();
        for (String tag : List.of("1", "app:1", "docker.io/library/app:1", "2", "registry.example/app:2")) {
            assertEquals(expected, archive("old.tar:" + tag).resolve(), tag);
        }
    }

    @Test
    void aCompressedLayerHasTheDigestOfItsBytes() throws Exception {
        TestImage image = TestImage.random(4, 5000);
        byte[] content = image.content(image.layers().getFirst());
        ByteArrayOutputStream compressed = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(compressed)) {
            gzip.write(content);
        }
        Map<String, byte[]> files = oldForm(image, List.of());
        String layer = "d".repeat(120) + "/layer.tar";
        files.put(layer, compressed.toByteArray());
        writeTar(directory.resolve("gzip.tar"), files);
        ImageSource source = archive("gzip.tar");
        Descriptor found =
                Manifest.parse(source.document(source.resolve()), "m").layers().getFirst();
        assertEquals(MediaTypes.OCI_LAYER_GZIP, found.mediaType());
        assertEquals(compressed.size(), source.blob(found).readAllBytes().length);
    }

    @Test
    void damagedArchivesAreRefusedByName() throws Exception {
        byte[] good = Files.readAllBytes(directory.resolve("old.tar"));
        Map<String, byte[]> bad = new LinkedHashMap<>();
        bad.put("no tar", "x".repeat(2000).getBytes(StandardCharsets.UTF_8));
        bad.put("empty", new byte[0]);
        bad.put("zeros", new byte[4096]);
        bad.put("truncated", Arrays.copyOf(good, good.length / 2));
        bad.put("gzip", new byte[] {0x1f, (byte) 0x8b, 8, 0});
        byte[] size = good.clone();
        put(size, 124, "77777777777\0");
        bad.put("size", size);
        for (Map.Entry<String, byte[]> entry : bad.entrySet()) {
            Path file = directory.resolve("bad.tar");
            Files.write(
                    file,
                    Arrays.copyOf(
                            entry.getValue(),
                            Math.max(entry.getKey().equals("empty") ? 0 : 512, entry.getValue().length)));
            IOException e = assertThrows(IOException.class, () -> archive("bad.tar"), entry.getKey());
            assertTrue(String.valueOf(e.getMessage()).contains(file.toString()), e.getMessage());
        }
    }

    @Test
    void whatSkopeoWritesIsRead() throws Exception {
        Path shared = Path.of(System.getProperty("rafter.shared", "../shared")).resolve("fixtures/oci-gzip");
        assumeTrue(Files.isDirectory(shared), "the golden images are not here: " + shared);
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/skopeo")), "skopeo is not installed");
        Path file = directory.resolve("skopeo.tar");
        Process skopeo = new ProcessBuilder(
                        "skopeo", "copy", "-q", "oci:" + shared, "docker-archive:" + file + ":some/app:7")
                .redirectErrorStream(true)
                .start();
        String output = new String(skopeo.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, skopeo.waitFor(), output);
        ImageSource source = archive("skopeo.tar:some/app:7");
        Manifest manifest = Manifest.parse(source.document(source.resolve()), "m");
        for (Descriptor layer : manifest.layers()) {
            assertEquals(layer.size(), source.blob(layer).readAllBytes().length);
        }
        assertTrue(source.document(manifest.config()).length > 0);
    }
}
