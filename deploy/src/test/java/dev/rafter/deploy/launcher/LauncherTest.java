package dev.rafter.deploy.launcher;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.rafter.deploy.harness.Shell;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The launcher, below a folder of its own, with a program of a few lines in place of Rafter: it names the AOT cache to the JVM only if it is
 * whole and made of these jars, and starts in any case.
 */
@Timeout(180)
final class LauncherTest {
    private static final Duration LONGEST = Duration.ofSeconds(60);
    private static final String CACHE_FLAG = "-XX:AOTCache=";
    /** Says how the JVM was started. */
    private static final String MAIN = """
            package dev.rafter.cli;
            public final class Main {
                public static void main(String[] arguments) {
                    System.out.println("WORD");
                    ProcessHandle.current().info().arguments()
                            .ifPresent(all -> System.out.println(String.join("\\n", all)));
                }
            }
            """;
    /** A daemon that somebody holds the descriptors of has no supervisor. */
    private static final String TRAINING = """
            package dev.rafter.deploy.training;
            public final class Training {
                public static void main(String[] arguments) throws Exception {
                    java.nio.file.Files.createDirectory(java.nio.file.Path.of(System.getProperty("rafter.rehearsal")));
                    ProcessBuilder daemon = new ProcessBuilder(System.getenv("RAFTER_LAUNCHER"), "daemon").inheritIO();
                    daemon.environment().put("NOTIFY_SOCKET", "@nobody");
                    System.exit(daemon.start().waitFor());
                }
            }
            """;

    private static Path home;
    private static Path jar;
    private static Path aot;
    /** What was made for the jar that there is; that takes some seconds. */
    private static Map<Path, byte[]> caches = Map.of();

    private static boolean firstJar;

    @BeforeAll
    static void makeAHome() throws Exception {
        assumeTrue("root".equals(System.getProperty("user.name")), "only root trains the JVM");
        home = Files.createTempDirectory("rafter-launcher");
        aot = home.resolve("deploy/target/aot");
        jar = Files.createDirectories(home.resolve("deploy/target/lib")).resolve("all.jar");
        Path launcher = Files.copy(Path.of(System.getProperty("rafter.home"), "rafter"), home.resolve("rafter"));
        assertTrue(launcher.toFile().setExecutable(true));
        Files.createFile(home.resolve("deploy/target/built"));
    }

    @BeforeEach
    void putBack() throws Exception {
        if (!firstJar) {
            makeJar("first");
            firstJar = true;
            train();
            caches = Map.of(cache("daemon"), bytes("daemon"), cache("tool"), bytes("tool"));
        }
        Shell.deleteTree(aot);
        Files.createDirectories(aot);
        for (Map.Entry<Path, byte[]> entry : caches.entrySet()) {
            Files.write(entry.getKey(), entry.getValue());
        }
    }

    @AfterAll
    static void remove() throws IOException {
        if (home != null) {
            Shell.deleteTree(home);
        }
    }

    private static byte[] bytes(String name) throws IOException {
        return Files.readAllBytes(cache(name));
    }

    /** The only cache of a name that there is. */
    private static Path cache(String name) throws IOException {
        try (Stream<Path> files = Files.list(aot)) {
            List<Path> found = files.filter(file -> file.toString().endsWith(".aot"))
                    .filter(file -> file.getFileName().toString().startsWith(name))
                    .toList();
            assertEquals(1, found.size(), () -> name + " among " + found + ": " + log());
            return found.getFirst();
        }
    }

    private static void makeJar(String word) throws Exception {
        Path sources = Files.createDirectories(home.resolve("sources"));
        Path classes = home.resolve("classes");
        Files.writeString(sources.resolve("Main.java"), MAIN.replace("WORD", word));
        Files.writeString(sources.resolve("Training.java"), TRAINING);
        String tools = System.getProperty("java.home") + "/bin/";
        Shell.run(
                tools + "javac",
                "-d",
                classes.toString(),
                sources.resolve("Main.java").toString(),
                sources.resolve("Training.java").toString());
        Shell.run(tools + "jar", "--create", "--file=" + jar, "-C", classes.toString(), ".");
    }

    private static List<String> rafter(String... arguments) throws IOException, InterruptedException {
        return rafter("", arguments);
    }

    private static List<String> rafter(String javaOptions, String[] arguments)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(home.resolve("rafter").toString()));
        command.addAll(List.of(arguments));
        ProcessBuilder launcher = new ProcessBuilder(command);
        launcher.environment().keySet().removeAll(List.of("RAFTER_BUILD_OPTIONS", "RAFTER_TRAIN"));
        launcher.environment().put("JAVA_HOME", System.getProperty("java.home"));
        launcher.environment().put("RAFTER_JAVA_OPTIONS", javaOptions);
        launcher.environment().put("NOTIFY_SOCKET", "@nobody");
        return Shell.tryRun(LONGEST, launcher).orThrow().lines().toList();
    }

    private static void train() throws IOException, InterruptedException {
        rafter("build");
    }

    private static String log() {
        try {
            return Files.readString(aot.resolve("log"));
        } catch (IOException e) {
            return e.toString();
        }
    }

    private static void assertStartsWith(Path used, List<String> said) {
        assertTrue(said.contains("first") && said.contains(CACHE_FLAG + used), said::toString);
    }

    private static void assertStartsWithout(String word, List<String> said) {
        assertTrue(said.contains(word), said::toString);
        assertTrue(said.stream().noneMatch(line -> line.startsWith(CACHE_FLAG)), said::toString);
    }

    @Test
    void theCacheThatFitsIsUsedByCommandsAndTheDaemon() throws Exception {
        assertStartsWith(cache("tool"), rafter("mounts"));
        assertStartsWith(cache("daemon"), rafter("daemon"));
        FileTime made = Files.getLastModifiedTime(cache("daemon"));
        train();
        assertEquals(made, Files.getLastModifiedTime(cache("daemon")), "one that fits is not made again");
    }

    @Test
    void withoutACacheItStarts() throws Exception {
        for (Path cache : caches.keySet()) {
            Files.delete(cache);
        }
        assertStartsWithout("first", rafter("daemon"));
        Files.delete(aot);
        assertStartsWithout("first", rafter("daemon"));
        assertStartsWithout("first", rafter("mounts"));
    }

    /** The JVM would run the old classes. */
    @Test
    void aCacheOfOtherJarsIsNotUsed() throws Exception {
        firstJar = false;
        makeJar("second");
        assertStartsWithout("second", rafter("mounts"));
        assertStartsWithout("second", rafter("daemon"));
    }

    @Test
    void aCacheThatWasCutOffIsNotUsedAndMadeAgain() throws Exception {
        for (Map.Entry<Path, byte[]> entry : caches.entrySet()) {
            Files.write(entry.getKey(), Arrays.copyOf(entry.getValue(), entry.getValue().length / 2));
        }
        assertStartsWithout("first", rafter("daemon"));
        train();
        assertStartsWith(cache("daemon"), rafter("daemon"));
        assertTrue(rafter("daemon").contains("-Drafter.rehearsal=" + aot.resolve("rehearsal")));
    }

    /** The JVM would crash. */
    @Test
    void aCacheWhoseBytesAreOthersIsNotUsed() throws Exception {
        for (Map.Entry<Path, byte[]> entry : caches.entrySet()) {
            byte[] spoiled = entry.getValue().clone();
            spoiled[spoiled.length / 2]++;
            Files.write(entry.getKey(), spoiled);
        }
        assertStartsWithout("first", rafter("mounts"));
        assertStartsWithout("first", rafter("daemon"));
    }

    @Test
    void withOptionsOfOnesOwnNoCacheIsUsed() throws Exception {
        assertStartsWithout("first", rafter("-Dmy.own=1", new String[] {"mounts"}));
    }
}
