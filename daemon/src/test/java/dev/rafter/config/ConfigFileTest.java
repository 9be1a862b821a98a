package dev.rafter.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConfigFileTest {
    private static final Overrides NONE = new Overrides(null, null, List.of(), List.of(), null);

    @TempDir
    Path directory;

    @Test
    void anEmptyFileGivesTheDefaults() {
        Config config = ConfigFile.parse("config.toml", "");
        assertEquals(Path.of("/var/lib/rafter"), config.root());
        assertEquals(Duration.ofSeconds(30), config.demandTimeout());
        assertEquals(
                Path.of("/run/rafter/snapshotter.sock"), config.snapshotter().socket());
    }

    @Test
    void readsWhatIsWritten() {
        Config config = ConfigFile.parse("config.toml", """
                root = "/a"
                run = "/b"
                [demand]
                timeout = "1500ms"
                [registry]
                plain-http = ["r:5000"]
                max-requests = 7
                """);
        assertEquals(Path.of("/a"), config.root());
        assertEquals(Path.of("/b/rafter.sock"), config.apiSocket());
        assertEquals(Duration.ofMillis(1500), config.demandTimeout());
        assertEquals(List.of("r:5000"), config.registry().plainHttp());
        assertEquals(7, config.registry().maxRequests());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            rooot = "/a"                              | config.toml, line 1: unknown key "rooot"
            #\\n[demand]\\ntimeuot = "1s"             | config.toml, line 3: unknown key "timeuot" in [demand]; there are timeout
            [demands]\\ntimeout = "1s"                | config.toml, line 1: unknown key "demands"
            [demand]\\n timeout = 30                  | config.toml, line 2: demand.timeout must be a duration from 100ms to 1h, as
            demand.timeout = "2h"                     | config.toml, line 1: demand.timeout must be a duration
            root = "var"                              | config.toml, line 1: root must be an absolute path
            [registry]\\nplain-http = "a"             | config.toml, line 2: registry.plain-http must be an array of strings, is "a"
            [registry]\\nmax-requests = 0             | config.toml, line 2: registry.max-requests must be a whole number from 1 to 1024, is 0
            [fill]\\nbackground = "yes"               | config.toml, line 2: fill.background must be true or false, is "yes"
            root = "/a"\\nrun = /b                    | config.toml, line 2: is not TOML
            """)
    void refusesWithLineAndReason(String text, String message) {
        ConfigException e = assertThrows(
                ConfigException.class,
                () -> ConfigFile.parse("config.toml", text.strip().replace("\\n", "\n")));
        assertTrue(String.valueOf(e.getMessage()).startsWith(message), e.toString());
    }

    @Test
    void optionsWinOverTheEnvironmentAndThatOverTheFile() throws IOException {
        Path file = Files.writeString(directory.resolve("c.toml"), "root = \"/file\"\nrun = \"/file\"\n");
        Overrides environment = Overrides.fromEnvironment(Map.of("RAFTER_ROOT", "/env", "RAFTER_RUN", "/env"));
        Overrides options = new Overrides(Path.of("/option"), null, List.of("x"), List.of(), null);
        Config config = ConfigFile.load(file, environment.and(options));
        assertEquals(Path.of("/option"), config.root());
        assertEquals(Path.of("/env"), config.run());
        assertEquals(List.of("x"), config.registry().plainHttp());
    }

    @Test
    void whatIsPrintedReadsBackTheSame() throws IOException {
        Path file = Files.writeString(
                directory.resolve("c.toml"),
                "root = \"/a b\\\\c\"\n[demand]\ntimeout = \"90s\"\n[registry]\nca-files = [\"/x\"]\n");
        String printed = ConfigFile.print(file, NONE);
        assertEquals(ConfigFile.load(file, NONE), ConfigFile.parse("printed", printed));
    }
}
