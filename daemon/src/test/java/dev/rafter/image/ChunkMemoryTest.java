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

    /** Three of a third of the heap, each opened while the others are: by itself each would fit. */
    @Test
    void whatIsPromisedToOneIsNotPromisedToAnother() throws IOException {
        int third = (int) Math.min(Integer.MAX_VALUE, Runtime.getRuntime().maxMemory() / 3 / 224);
        assertEquals("opened", ChunkMemory.with(third, "alone", () -> "opened"));
        FailureException e = assertThrows(FailureException.class, () -> nested(third, 3));
        assertEquals(FailureKind.NODE, e.kind());
        assertEquals("opened", ChunkMemory.with(third, "after", () -> "opened"), "what was promised is given back");
    }

    private static String nested(int chunks, int depth) throws IOException {
        return depth == 0 ? "opened" : ChunkMemory.with(chunks, "image " + depth, () -> nested(chunks, depth - 1));
    }

    @Test
    void othersAreOpened() throws IOException {
        assertEquals("few", ChunkMemory.with(10, "x", () -> "few"));
        assertEquals("many", ChunkMemory.with(40_000, "x", () -> "many"));
    }
}
