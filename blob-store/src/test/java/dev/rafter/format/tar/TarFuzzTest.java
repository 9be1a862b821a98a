package dev.rafter.format.tar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.rafter.format.CorruptImageException;
import dev.rafter.testkit.Fixtures;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.MethodSource;

/** Any bytes at all are read as an archive or refused. Coverage-guided with {@code JAZZER_FUZZ=1}; else the seeds alone. */
class TarFuzzTest {
    /** What contents may be read of one entry: a sparse file says that it has terabytes. */
    private static final long MAX_READ = 1 << 20;

    /** Bombs are no seeds. */
    private static final long LARGEST_SEED = 10_000;

    static Stream<byte[]> seeds() {
        return Fixtures.list("malformed", "layer-*").stream()
                .filter(file -> file.toFile().length() < LARGEST_SEED)
                .map(Fixtures::bytes);
    }

    @MethodSource("seeds")
    @FuzzTest(maxDuration = "5m")
    void anyBytes(byte[] bytes) throws IOException {
        TarReader tar = new TarReader(new ByteArrayInputStream(bytes), "fuzz");
        try {
            for (TarEntry entry = tar.next(); entry != null; entry = tar.next()) {
                check(entry, tar, bytes.length);
                read(entry, tar);
            }
        } catch (CorruptImageException e) {
            assertEquals("fuzz", e.resource());
        }
    }

    private static void check(TarEntry entry, TarReader tar, int length) {
        assertTrue(tar.offset() >= 0 && tar.offset() < length, "offset");
        assertTrue(entry.size() >= 0 && entry.size() <= TarLayout.MAX_FILE_SIZE, "size");
        assertTrue(entry.mtimeNanos() >= 0 && entry.mtimeNanos() < 1_000_000_000, "mtimeNanos");
        assertTrue(entry.hasContents() || entry.size() == 0, "contents");
    }

    private static void read(TarEntry entry, TarReader tar) throws IOException {
        byte[] buffer = new byte[1 << 16];
        long done = 0;
        while (done < Math.min(entry.size(), MAX_READ)) {
            long hole = tar.hole();
            int count = tar.read(buffer, 0, buffer.length);
            assertTrue(count > 0, "count");
            assertTrue(hole == 0 || buffer[0] == 0, "a hole is zeros");
            done += count;
        }
        assertTrue(done <= entry.size(), "contents");
        tar.skipHole(tar.hole());
    }
}
