package dev.rafter.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import java.io.IOException;
import org.junit.jupiter.api.Test;

class ChunkMemoryTest {
    @Test
    void anImageThatDoesNotFitIsRefusedBeforeItIsRead() {
        long heapBytes = Runtime.getRuntime().maxMemory();
        int chunks = (int) Math.min(Integer.MAX_VALUE, heapBytes / 100);
        FailureException e = assertThrows(
                FailureException.class,
                () -> ChunkMemory.with(chunks, "registry.example/huge:1", () -> {
                    throw new AssertionError("opened");
                }));
        assertEquals(FailureKind.NODE, e.kind());
        String message = String.valueOf(e.getMessage());
        assertTrue(message.startsWith("registry.example/huge:1 has " + chunks + " chunks"), message);
        assertTrue(message.contains("--chunk-size"), message);
    }

    @Test
    void othersAreOpened() throws IOException {
        assertEquals("few", ChunkMemory.with(10, "x", () -> "few"));
        assertEquals("many", ChunkMemory.with(40_000, "x", () -> "many"));
    }
}
