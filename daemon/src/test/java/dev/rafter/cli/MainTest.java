package dev.rafter.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.api.parallel.Resources;

@ResourceLock(Resources.SYSTEM_OUT)
class MainTest {
    private record Result(int exitCode, String out, String err) {}

    @SuppressWarnings("SystemOut") // the streams are what a command line is judged by
    private static Result run(String... args) {
        PrintStream out = System.out;
        PrintStream err = System.err;
        ByteArrayOutputStream newOut = new ByteArrayOutputStream();
        ByteArrayOutputStream newErr = new ByteArrayOutputStream();
        System.setOut(new PrintStream(newOut, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(newErr, true, StandardCharsets.UTF_8));
        try {
            int exitCode = Main.run(args);
            return new Result(
                    exitCode, newOut.toString(StandardCharsets.UTF_8), newErr.toString(StandardCharsets.UTF_8));
        } finally {
            System.setOut(out);
            System.setErr(err);
        }
    }

    @Test
    void helpNamesCommandsReferencesAndExitCodes() {
        Result result = run("--help");
        assertEquals(0, result.exitCode());
        assertTrue(result.out().contains("config"), result.out());
        assertTrue(result.out().contains("oci:DIR[:TAG]"), result.out());
        assertTrue(result.out().contains("5  the registry cannot be reached"), result.out());
    }

    @Test
    void versionIsTheBuilds() {
        Result result = run("--version");
        assertTrue(result.out().matches("rafter \\d+\\.\\d+\\.\\d+\\S*\\s*"), result.out());
    }

    @Test
    void globalOptionsStandBeforeOrAfterTheCommand() {
        assertTrue(run("--root", "/a", "config").out().contains("root = \"/a\""));
        Result after = run("config", "--root", "/a", "--plain-http", "h:1,g");
        assertTrue(after.out().contains("root = \"/a\""), after.out());
        assertTrue(after.out().contains("plain-http = [\"h:1\", \"g\"]"), after.out());
    }

    @Test
    void wrongUsageIsTwo() {
        assertEquals(2, run("frobnicate").exitCode());
        assertEquals(2, run("config", "--frobnicate").exitCode());
        assertEquals(2, run().exitCode());
    }

    @Test
    void aFailureIsOneLineWithoutATrace() {
        Result result = run("config", "--config", "/nonexistent/config.toml");
        assertEquals(1, result.exitCode());
        assertEquals(
                "rafter: there is no /nonexistent/config.toml", result.err().strip());
    }
}
