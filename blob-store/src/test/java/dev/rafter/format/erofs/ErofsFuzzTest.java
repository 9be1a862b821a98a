package dev.rafter.format.erofs;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.rafter.testkit.Fixtures;
import java.io.IOException;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.MethodSource;

/** Any bytes at all are read or refused. Coverage-guided with {@code JAZZER_FUZZ=1}; else the seeds alone. */
class ErofsFuzzTest {
    static Stream<byte[]> seeds() {
        return Stream.concat(
                        Fixtures.list("malformed", "erofs-*").stream(), Fixtures.list("malformed", "good-*").stream())
                .map(Fixtures::bytes);
    }

    @MethodSource("seeds")
    @FuzzTest(maxDuration = "5m")
    void anyBytes(byte[] bytes) throws IOException {
        HostileReading.readAll(bytes, Dialect.EROFS);
        HostileReading.readAll(bytes, Dialect.RAFS_V6);
    }
}
