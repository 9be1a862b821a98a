package dev.rafter.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class PacedInputStreamTest {
    private static final int BYTES = 4 << 20;

    private long nowNanos;

    private PacedInputStream stream() {
        return new PacedInputStream(new ByteArrayInputStream(new byte[BYTES]), "layer x", () -> nowNanos);
    }

    private void pass(Duration time) {
        nowNanos += time.toNanos();
    }

    @Test
    void aDripIsGivenUpAfterTheGrace() throws IOException {
        PacedInputStream drip = stream();
        for (int second = 0; second < PacedInputStream.GRACE.toSeconds(); second++) {
            pass(Duration.ofSeconds(1));
            assertEquals(0, drip.read());
        }
        pass(Duration.ofSeconds(1));
        FailureException e = assertThrows(FailureException.class, drip::read);
        assertEquals(FailureKind.UNREACHABLE, e.kind());
        assertTrue(String.valueOf(e.getMessage()).startsWith("layer x: only 61 bytes came in 61 s"), e::getMessage);
    }

    @Test
    void aSlowOneMayTakeAsLongAsItNeeds() throws IOException {
        PacedInputStream slow = stream();
        byte[] buffer = new byte[(int) PacedInputStream.MIN_BYTES_PER_SECOND];
        long bytes = 0;
        for (int count = slow.read(buffer); count >= 0; count = slow.read(buffer)) {
            pass(Duration.ofSeconds(1));
            bytes += count;
        }
        assertEquals(BYTES, bytes);
        assertTrue(nowNanos > PacedInputStream.GRACE.toNanos(), "it took longer than the grace");
    }
}
