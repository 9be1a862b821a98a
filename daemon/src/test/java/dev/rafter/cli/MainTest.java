package dev.rafter.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class MainTest {
    @Test
    void helpNamesCommandsReferencesAndExitCodes() {
        CommandResult result = CommandResult.of("--help");
        assertEquals(0, result.exitCode());
        assertTrue(result.out().contains("config"), result.out());
        assertTrue(result.out().contains("oci:DIR[:TAG]"), result.out());
        assertTrue(result.out().contains("5  the registry cannot be reached"), result.out());
    }

    @Test
    void versionIsTheBuilds() {
        CommandResult result = CommandResult.of("--version");
        assertTrue(result.out().matches("rafter \\d+\\.\\d+\\.\\d+\\S*\\s*"), result.out());
    }

    @Test
    void globalOptionsStandBeforeOrAfterTheCommand() {
        assertTrue(CommandResult.of("--root", "/a", "config").out().contains("root = \"/a\""));
        CommandResult after = CommandResult.of("config", "--root", "/a", "--plain-http", "h:1,g");
        assertTrue(after.out().contains("root = \"/a\""), after.out());
        assertTrue(after.out().contains("plain-http = [\"h:1\", \"g\"]"), after.out());
    }

    @Test
    void wrongUsageIsTwo() {
        assertEquals(2, CommandResult.of("frobnicate").exitCode());
        assertEquals(2, CommandResult.of("config", "--frobnicate").exitCode());
        assertEquals(2, CommandResult.of().exitCode());
    }

    @Test
    void aFailureIsOneLineWithoutATrace() {
        CommandResult result = CommandResult.of("config", "--config", "/nonexistent/config.toml");
        assertEquals(1, result.exitCode());
        assertEquals(
                "rafter: there is no /nonexistent/config.toml", result.err().strip());
    }
}
