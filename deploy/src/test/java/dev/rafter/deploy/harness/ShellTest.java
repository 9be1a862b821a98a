package dev.rafter.deploy.harness;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class ShellTest {
    @Test
    void whatHangsTellsWhatRanThen() {
        IOException e = assertThrows(
                IOException.class,
                () -> Shell.tryRun(Duration.ofMillis(500), "sh", "-c", "echo begun; sleep 1234; echo done"));
        String message = Objects.requireNonNull(e.getMessage());
        assertTrue(message.contains("begun"), message);
        assertTrue(message.matches("(?s).* S\\S* .*sleep 1234.*"), message);
    }
}
