package dev.rafter.snapshotter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.util.Map;
import org.junit.jupiter.api.Test;

class LabelsTest {
    @Test
    void theBoundIsInBytes() throws IOException {
        Labels.check(Map.of("k\u00e9y", "v".repeat(4092)));
        Labels.check(Map.of("key", "\u00e9".repeat(2046)));
        SnapshotException e =
                assertThrows(SnapshotException.class, () -> Labels.check(Map.of("key", "\u00e9".repeat(2047))));
        assertEquals(SnapshotException.Code.INVALID_ARGUMENT, e.code());
        assertThrows(SnapshotException.class, () -> Labels.check(Map.of("key", "\ud83d\ude00".repeat(1024))));
    }
}
