package dev.rafter.image;

import dev.rafter.format.FileType;
import dev.rafter.format.tar.TarEntry;
import dev.rafter.format.tar.TarWriter;
import dev.rafter.oci.Digest;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Docker archives put together for tests, and the entries of their layers. */
public final class TestArchive {
    private TestArchive() {}

    /** Writes a layer. */
    public interface Layer {
        void write(TarWriter tar) throws IOException;
    }

    /** The bytes of a layer. */
    public static byte[] layer(Layer layer) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        TarWriter tar = new TarWriter(bytes);
        layer.write(tar);
        tar.finish();
        return bytes.toByteArray();
    }

    /** An entry of owner 1:2 with a time in nanoseconds. */
    public static TarEntry entry(String name, FileType type, int permissions, long size, String target) {
        return entry(name, type, permissions, size, target, new TreeMap<>());
    }

    static TarEntry entry(
            String name, FileType type, int permissions, long size, String target, SortedMap<String, byte[]> xattrs) {
        return new TarEntry(
                name, type, false, permissions, 1, 2, size, 1_700_000_000L, 123_456_789, target, 0, 0, xattrs);
    }

    static TarEntry hardLink(String name, String target) {
        return new TarEntry(name, FileType.REGULAR, true, 0, 0, 0, 0, 0, 0, target, 0, 0, new TreeMap<>());
    }

    public static void file(TarWriter tar, String name, byte[] contents) throws IOException {
        tar.put(entry(name, FileType.REGULAR, 0644, contents.length, ""));
        tar.write(contents, 0, contents.length);
    }

    /**
     * Writes an archive as {@code docker save} does.
     *
     * @param fields more fields of the configuration, each ending with a comma; or ""
     */
    public static void write(Path file, String fields, List<byte[]> layers) throws IOException {
        String diffIds =
                layers.stream().map(layer -> "\"" + Digest.sha256(layer) + "\"").collect(Collectors.joining(","));
        String config = "{" + fields + "\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\","
                + "\"diff_ids\":[" + diffIds + "]}}";
        String names = IntStream.range(0, layers.size())
                .mapToObj(i -> "\"" + i + "/layer.tar\"")
                .collect(Collectors.joining(","));
        String manifest = "[{\"Config\":\"config.json\",\"RepoTags\":[\"test:1\"],\"Layers\":[" + names + "]}]";
        byte[] archive = layer(tar -> {
            for (int i = 0; i < layers.size(); i++) {
                file(tar, i + "/layer.tar", layers.get(i));
            }
            file(tar, "config.json", config.getBytes(StandardCharsets.UTF_8));
            file(tar, "manifest.json", manifest.getBytes(StandardCharsets.UTF_8));
        });
        Files.write(file, archive);
    }
}
