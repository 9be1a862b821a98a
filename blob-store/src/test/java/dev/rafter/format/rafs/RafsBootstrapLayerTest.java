package dev.rafter.format.rafs;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.rafter.codec.LayerDecompressor;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
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

class RafsBootstrapLayerTest {
    @TempDir
    Path temporary;

    private final byte[] bootstrap = new byte[200_000];
    private final byte[] meta = new byte[8192];
    private final String id = "ab".repeat(32);

    RafsBootstrapLayerTest() {
        new Random(1).nextBytes(meta);
        Arrays.fill(bootstrap, 0, 100_000, (byte) 7);
    }

    @Test
    void tarTakesItApartAgain() throws IOException, InterruptedException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        RafsBootstrapLayer.Layer layer = write(out);
        Path file = Files.write(temporary.resolve("layer.tar.gz"), out.toByteArray());
        Process tar = new ProcessBuilder("tar", "-xpzf", file.toString(), "-C", temporary.toString())
                .inheritIO()
                .start();
        assertEquals(0, tar.waitFor());
        assertArrayEquals(bootstrap, Files.readAllBytes(temporary.resolve("image/image.boot")));
        assertArrayEquals(meta, Files.readAllBytes(temporary.resolve("image/" + id + ".blob.meta")));
        assertEquals(out.size(), layer.sizeBytes());
        assertEquals(sha256(out.toByteArray()), layer.sha256());
        try (InputStream in = LayerDecompressor.open(new ByteArrayInputStream(out.toByteArray()))) {
            assertEquals(sha256(in.readAllBytes()), layer.diffIdSha256());
        }
    }

    @Test
    void theSameContentsGiveTheSameBytes() throws IOException {
        assertEquals(write(new ByteArrayOutputStream()), write(new ByteArrayOutputStream()));
    }

    private RafsBootstrapLayer.Layer write(ByteArrayOutputStream out) throws IOException {
        TreeMap<String, ByteBuffer> metaFiles = new TreeMap<>();
        metaFiles.put(id, ByteBuffer.wrap(meta));
        return RafsBootstrapLayer.write(out, MemorySegment.ofArray(bootstrap), metaFiles);
    }

    private static String sha256(byte[] bytes) {
        return HexFormat.of().formatHex(Sha256.newDigest().digest(bytes));
    }
}
