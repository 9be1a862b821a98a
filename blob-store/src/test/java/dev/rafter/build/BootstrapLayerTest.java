package dev.rafter.build;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.rafter.codec.LayerDecompressor;
import dev.rafter.digest.DigestAlgorithm;
import dev.rafter.digest.Hasher;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BootstrapLayerTest {
    @TempDir
    Path temporary;

    private final byte[] bootstrap = new byte[2_000_000];
    private final byte[] meta = new byte[8192];
    private final String id = "ab".repeat(32);

    BootstrapLayerTest() {
        new Random(1).nextBytes(meta);
        Arrays.fill(bootstrap, 0, 100_000, (byte) 7);
    }

    @Test
    void tarTakesItApartAgain() throws IOException, InterruptedException {
        BootstrapLayer layer = write("layer.tar.gz", 2);
        Process tar = new ProcessBuilder("tar", "-xpzf", layer.file().toString(), "-C", temporary.toString())
                .inheritIO()
                .start();
        assertEquals(0, tar.waitFor());
        assertArrayEquals(bootstrap, Files.readAllBytes(temporary.resolve("image/image.boot")));
        assertArrayEquals(meta, Files.readAllBytes(temporary.resolve("image/" + id + ".blob.meta")));
        byte[] bytes = Files.readAllBytes(layer.file());
        assertEquals(bytes.length, layer.sizeBytes());
        assertEquals(sha256(bytes), layer.sha256());
        try (InputStream in = LayerDecompressor.open(new ByteArrayInputStream(bytes))) {
            assertEquals(sha256(in.readAllBytes()), layer.diffIdSha256());
        }
    }

    @Test
    void theSameContentsGiveTheSameBytesOnAnyNumberOfThreads() throws IOException {
        BootstrapLayer one = write("one", 1);
        BootstrapLayer many = write("many", 3);
        assertEquals(one.sha256(), many.sha256());
        assertEquals(one.diffIdSha256(), many.diffIdSha256());
    }

    private BootstrapLayer write(String name, int threads) throws IOException {
        TreeMap<String, ByteBuffer> metaFiles = new TreeMap<>();
        metaFiles.put(id, ByteBuffer.wrap(meta));
        return BootstrapLayer.write(temporary.resolve(name), MemorySegment.ofArray(bootstrap), metaFiles, threads);
    }

    private static String sha256(byte[] bytes) {
        Hasher hasher = DigestAlgorithm.SHA256.newHasher();
        hasher.update(bytes, 0, bytes.length);
        return HexFormat.of().formatHex(hasher.digest());
    }
}
