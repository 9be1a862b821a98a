package dev.rafter.deploy.e2e;

import dev.rafter.deploy.harness.Shell;
import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;

/** An ext4 of a few megabytes in a file, mounted below a node's folder, which unmounts it. */
final class SmallDisk {
    private static final int BLOCK_BYTES = 4096;

    private final Path mount;

    private SmallDisk(Path mount) {
        this.mount = mount;
    }

    static SmallDisk mount(Path image, Path mount, long bytes) throws IOException, InterruptedException {
        try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(bytes);
        }
        Files.createDirectories(mount);
        Shell.run("mkfs.ext4", "-q", "-F", "-m", "0", image.toString());
        Shell.run("mount", "-o", "loop", image.toString(), mount.toString());
        return new SmallDisk(mount);
    }

    /** Takes all that is free but for some blocks. */
    void fill(int spareBlocks) throws IOException {
        long blocks = Files.getFileStore(mount).getUsableSpace() / BLOCK_BYTES - spareBlocks;
        byte[] block = new byte[BLOCK_BYTES];
        try (OutputStream filler = Files.newOutputStream(filler())) {
            for (long i = 0; i < blocks; i++) {
                filler.write(block);
            }
        } catch (IOException e) {
            if (!String.valueOf(e.getMessage()).contains("No space left")) {
                throw e;
            }
        }
    }

    void free() throws IOException {
        Files.deleteIfExists(filler());
    }

    private Path filler() {
        return mount.resolve("filler");
    }
}
