package dev.rafter.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;

class MainTest {
    @Test
    void helpNamesCommandsReferencesAndExitCodes() {
        CommandResult result = CommandResult.of("--help");
        assertEquals(0, result.exitCode());
        assertTrue(result.out().contains("config"), result.out());
        assertTrue(result.out().contains("oci:DIR[:TAG]"), result.out());
        assertTrue(result.out().contains("demo, bench NAME, test, build"), result.out());
        assertTrue(result.out().contains("5  the registry cannot be reached"), result.out());
    }

    static Set<String> commands() {
        return Main.COMMANDS.keySet();
    }

    @Test
    void commandsHaveTheirOwnNamesAndHelpListsAll() {
        String help = CommandResult.of("--help").out();
        Main.COMMANDS.forEach((name, type) -> {
            assertEquals(name, type.getAnnotation(CommandLine.Command.class).name());
            assertTrue(Pattern.compile("(?m)^  " + name + " ").matcher(help).find(), help);
        });
    }

    @ParameterizedTest
    @MethodSource("commands")
    void everyCommandSaysFirstWhatItTakesItself(String command) throws IOException {
        CommandResult result = CommandResult.of(command, "--help");
        assertEquals(0, result.exitCode(), result::toString);
        String[] parts = result.out().split("Options of every command:\n", -1);
        assertEquals(2, parts.length, result.out());
        assertTrue(parts[0].startsWith("Usage: rafter " + command + " [OPTIONS]"), result.out());
        assertFalse(parts[0].contains("--root") || parts[0].contains("--help"), result.out());
        assertTrue(parts[1].contains("--root") && parts[1].contains("--help"), result.out());
        boolean takesImage = parts[0].contains("IMAGE") || parts[0].contains("SOURCE");
        assertEquals(takesImage, parts[1].contains("Images are named by"), result.out());
        assertFalse(parts[1].contains("Exit codes"), result.out());
        assertTrue(result.out().lines().allMatch(line -> line.length() <= 80), result.out());
        String readme = Files.readString(Path.of("..", "README.md"));
        assertTrue(Pattern.compile("\\b" + command + "\\b").matcher(readme).find(), command + " is not in README.md");
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
