package dev.rafter.testkit;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Assumptions;

/** Runs programs of the system, whose output is bytes. */
public final class Commands {
    private static final long TIMEOUT_SECONDS = 60;

    private Commands() {}

    /** Skips the test unless all programs are there. */
    public static void assumePresent(String... programs) {
        for (String program : programs) {
            boolean present = List.of("/usr/bin", "/bin", "/usr/sbin", "/sbin").stream()
                    .anyMatch(directory -> Files.isExecutable(Path.of(directory, program)));
            Assumptions.assumeTrue(present, program + " is not installed");
        }
    }

    public static void assumeRoot() {
        Assumptions.assumeTrue("root".equals(System.getProperty("user.name")), "needs root");
    }

    /** Runs a command and gives its output, a byte string; fails if the command does. */
    public static String run(String... command) {
        return run(List.of(command));
    }

    public static String run(List<String> command) {
        Result result = tryRun(command);
        if (result.status != 0) {
            Assertions.fail(
                    String.join(" ", command) + " ended with " + result.status + ": " + result.errors + result.output);
        }
        return result.output;
    }

    /**
     * How a command ended.
     *
     * @param output byte string
     * @param errors byte string
     */
    public record Result(int status, String output, String errors) {}

    public static Result tryRun(List<String> command) {
        try {
            Path errors = Files.createTempFile("command", ".err");
            try {
                ProcessBuilder builder = new ProcessBuilder(command).redirectError(errors.toFile());
                builder.environment().put("LC_ALL", "C");
                Process process = builder.start();
                process.getOutputStream().close();
                byte[] output = process.getInputStream().readAllBytes();
                if (!process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
                    process.destroyForcibly();
                    Assertions.fail(String.join(" ", command) + " did not end in time");
                }
                return new Result(
                        process.exitValue(),
                        new String(output, StandardCharsets.ISO_8859_1),
                        Files.readString(errors, StandardCharsets.ISO_8859_1));
            } finally {
                Files.delete(errors);
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }
}
