package dev.rafter.deploy.training;

import dev.rafter.deploy.harness.Shell;
import dev.rafter.format.FileType;
import dev.rafter.format.tar.TarEntry;
import dev.rafter.format.tar.TarWriter;
import dev.rafter.oci.Digest;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.util.Collections;
import java.util.Random;

/** An image as {@code docker save} writes it, of a layer with what images have most: many small files and some large ones. */
final class TrainingArchive {
    private static final int SMALL_FILES = 12_000;
    private static final int LARGEST_SMALL_BYTES = 12_000;
    private static final int LARGE_FILES = 8;
    private static final int LARGE_BYTES = 6_000_000;
    private static final String[] ENDINGS = {".py", ".so", ".so.1", ".class", "", ".txt", ".h"};

    private final Random random = new Random(1);
    private final byte[] content = new byte[LARGE_BYTES];
    private final TarWriter tar;

    private TrainingArchive(OutputStream out) {
        tar = new TarWriter(out);
    }

    static Path write(Path work) throws IOException, InterruptedException {
        Path parts = Files.createDirectory(work.resolve("parts"));
        MessageDigest diffId = Digest.newSha256();
        try (OutputStream file = Files.newOutputStream(parts.resolve("layer.tar"));
                OutputStream out = new DigestOutputStream(new BufferedOutputStream(file, 1 << 16), diffId)) {
            new TrainingArchive(out).writeLayer();
        }
        Files.writeString(
                parts.resolve("config.json"),
                "{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\""
                        + Digest.ofHash("sha256", diffId.digest()) + "\"]}}");
        Files.writeString(
                parts.resolve("manifest.json"),
                "[{\"Config\":\"config.json\",\"RepoTags\":[\"training:1\"],\"Layers\":[\"layer.tar\"]}]");
        Path archive = work.resolve("training.tar");
        Shell.run("tar", "--create", "--file=" + archive, "--directory=" + parts, ".");
        return archive;
    }

    private void writeLayer() throws IOException {
        for (int i = 0; i < SMALL_FILES; i++) {
            String directory = "usr/lib/d" + i / 100 + "/";
            if (i % 100 == 0) {
                tar.put(entry(directory, FileType.DIRECTORY, 0, ""));
                tar.put(entry(directory + "link", FileType.SYMLINK, 0, "../d0"));
            }
            file(directory + "file" + i + ENDINGS[i % ENDINGS.length], random.nextInt(LARGEST_SMALL_BYTES));
        }
        for (int i = 0; i < LARGE_FILES; i++) {
            file("usr/bin/large" + i, LARGE_BYTES);
        }
        tar.finish();
    }

    /** Bytes that shrink to about a half. */
    private void file(String name, int size) throws IOException {
        for (int i = 0; i < size; i++) {
            content[i] = (byte) (random.nextInt() & 0x0F);
        }
        tar.put(entry(name, FileType.REGULAR, size, ""));
        tar.write(content, 0, size);
    }

    private static TarEntry entry(String name, FileType type, long size, String target) {
        return new TarEntry(
                name, type, false, 0755, 0, 0, size, 1_700_000_000, 0, target, 0, 0, Collections.emptySortedMap());
    }
}
