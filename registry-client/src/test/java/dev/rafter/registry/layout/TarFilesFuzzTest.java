package dev.rafter.registry.layout;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.rafter.oci.DocumentException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;

/** Tar files made of sound headers whose fields say anything. */
class TarFilesFuzzTest {
    @TempDir
    static Path directory;

    @FuzzTest(maxDuration = "30s")
    void anyFileIsReadOrRefused(FuzzedDataProvider data) throws IOException {
        Path file = directory.resolve("fuzz.tar");
        Files.write(file, tar(data));
        try {
            TarFiles files = TarFiles.open(file, "fuzz");
            files.size("manifest.json");
        } catch (DocumentException e) {
            assertTrue(e.getMessage().startsWith("fuzz: "), e.getMessage());
        }
    }

    private static byte[] tar(FuzzedDataProvider data) {
        byte[] tar = new byte[8192];
        int at = 0;
        while (data.remainingBytes() > 0 && at + 1024 <= tar.length) {
            byte[] header = new byte[512];
            put(header, 0, data.consumeBytes(100));
            put(header, 124, "%011o\0".formatted(data.consumeInt(0, 600)).getBytes(StandardCharsets.US_ASCII));
            header[156] = data.pickValue(new byte[] {'0', '1', '2', '5', 'x', 'g', 'L', 'K'});
            put(header, 157, data.consumeBytes(100));
            put(header, data.consumeInt(0, 511), data.consumeBytes(8));
            put(header, 148, "        ".getBytes(StandardCharsets.US_ASCII));
            int sum = 0;
            for (byte b : header) {
                sum += b & 0xff;
            }
            put(header, 148, "%06o\0 ".formatted(sum).getBytes(StandardCharsets.US_ASCII));
            put(tar, at, header);
            put(tar, at + 512, data.consumeBytes(512));
            at += 1024;
        }
        return tar;
    }

    private static void put(byte[] into, int at, byte[] bytes) {
        System.arraycopy(bytes, 0, into, at, Math.min(bytes.length, into.length - at));
    }
}
