package dev.rafter.fdstore;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.rafter.linux.Fd;
import dev.rafter.linux.UnixDatagrams;
import dev.rafter.linux.fanotify.FanotifyTransport;
import dev.rafter.ondemand.OnDemandSource;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A supervisor and the process that it runs, each a process of its own, as they are on a node. */
@Timeout(120)
final class SupervisorTest {
    /** Their names, of 250 characters, take more than the 128 KiB of a variable. */
    private static final int MANY = 800;
    /** Of a hundred images, say. */
    private static final int MANY_GUARDS = 1_000;

    @TempDir
    private Path folder;

    /** What is supervised. It writes its lives down in a file, a line each. */
    static final class Daemon {
        private Daemon() {}

        public static void main(String[] arguments) throws Exception {
            Path diary = Path.of(arguments[1]);
            FdStore store = arguments[0].endsWith("BelowSystemd")
                    ? NotifyFdStore.of(environmentOfSystemd())
                    : NotifyFdStore.of(System.getenv());
            int life = lines(diary).size();
            switch (arguments[0]) {
                case "keeps" -> keeps(store, diary, life);
                case "keepsMany" -> keepsMany(store, diary, life);
                case "dies", "diesBelowSystemd" -> dies(store, diary, life, 0, () -> System.exit(1));
                case "diesWithManyGuards", "diesWithManyGuardsBelowSystemd" ->
                    dies(store, diary, life, MANY_GUARDS, () -> System.exit(1));
                case "hangs" -> dies(store, diary, life, 0, () -> Thread.sleep(60_000));
                case "fails" -> {
                    write(diary, "fails");
                    System.exit(3);
                }
                case "waits" -> {
                    Runtime.getRuntime().addShutdownHook(Thread.ofPlatform().unstarted(() -> {
                        write(diary, "told");
                        Runtime.getRuntime().halt(0);
                    }));
                    store.ready();
                    write(diary, "waits");
                    Thread.sleep(60_000);
                }
                default -> throw new IllegalArgumentException(arguments[0]);
            }
        }

        private static Map<String, String> environmentOfSystemd() {
            Map<String, String> environment = new HashMap<>(System.getenv());
            environment.remove(KeptFds.NAMES_BYTES);
            return environment;
        }

        private static void keeps(FdStore store, Path diary, int life) throws IOException {
            if (life == 0) {
                for (int i = 0; i < 20; i++) {
                    try (Fd fd = Fd.open(diary.resolveSibling("kept" + i), Fd.O_RDWR | Fd.O_CREAT)) {
                        store.keep("file." + i, fd);
                    }
                }
                store.keep("file.3", Fd.open(diary.resolveSibling("replaced"), Fd.O_RDWR | Fd.O_CREAT));
                store.forget("file.4");
                store.settle();
                store.ready();
                write(diary, "kept");
                Runtime.getRuntime().halt(9);
            } else if (life == 1) {
                Fd.open(diary, Fd.O_RDONLY); // takes a number, so that the next life's are others than this one's
                write(diary, store.left().size() + " left");
                Runtime.getRuntime().halt(Supervisor.RESTART);
            }
            StringBuilder found = new StringBuilder();
            for (int i : List.of(0, 3, 4, 19)) {
                found.append(' ')
                        .append(store.take("file." + i).map(Daemon::name).orElse("none"));
            }
            write(diary, "found" + found + ", " + store.left().size() + " more");
            System.exit(0);
        }

        /** As many names as some hundred images with a dozen layers each give. */
        private static void keepsMany(FdStore store, Path diary, int life) throws IOException {
            try (Fd fd = Fd.open(diary.resolveSibling("kept"), Fd.O_RDWR | Fd.O_CREAT)) {
                if (life == 0) {
                    for (int i = 0; i < MANY; i++) {
                        store.keep(manyName(i), fd);
                    }
                    store.ready();
                    write(diary, "kept");
                    Runtime.getRuntime().halt(9);
                }
            }
            boolean all = true;
            for (int i = 0; i < MANY; i++) {
                all &= store.keeps(manyName(i)) && store.take(manyName(i)).isPresent();
            }
            write(diary, all + ", " + store.left().size() + " more");
            System.exit(0);
        }

        private static String manyName(int index) {
            return "file." + "0".repeat(240) + index;
        }

        private interface Start {
            void fail() throws InterruptedException;
        }

        /** Guards a file, after others that nobody reads, dies while somebody waits, and never serves again. */
        private static void dies(FdStore store, Path diary, int life, int others, Start next) throws Exception {
            if (life > 0) {
                next.fail();
            }
            Path file = diary.resolveSibling("guarded");
            try (Fd fd = Fd.open(file, Fd.O_RDWR | Fd.O_CREAT)) {
                fd.truncate(8192);
            }
            FanotifyTransport transport = new FanotifyTransport(diary.resolveSibling("inflight"), store, () -> {});
            OnDemandSource source = new OnDemandSource() {
                @Override
                public String describe() {
                    return "a file that is never filled";
                }

                @Override
                public boolean isReady(long offset, long lengthBytes) {
                    return false;
                }

                @Override
                public void fill(long offset, long lengthBytes) {
                    Runtime.getRuntime().halt(9);
                }
            };
            Path unread = Files.createFile(diary.resolveSibling("unread"));
            for (int i = 0; i < others; i++) {
                transport.guard("other" + i, unread, source);
            }
            transport.guard("x", file, source);
            transport.settle();
            store.ready();
            write(diary, "guards");
            Thread.sleep(60_000);
        }

        private static String name(Fd fd) {
            try {
                return String.valueOf(Files.readSymbolicLink(fd.path()).getFileName());
            } catch (IOException e) {
                return e.toString();
            }
        }

        private static void write(Path diary, String line) {
            try {
                Files.writeString(diary, line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private static List<String> lines(Path diary) throws IOException {
        return Files.exists(diary) ? Files.readAllLines(diary) : List.of();
    }

    private Process supervise(String what) throws IOException {
        // Below systemd nobody but the daemon denies.
        List<String> command = new ArrayList<>(java(what.endsWith("BelowSystemd") ? 600_000 : 500));
        command.add("-XX:TieredStopAtLevel=0"); // as the launcher has it
        command.add(Supervisor.class.getName());
        command.addAll(java(500));
        command.addAll(List.of(Daemon.class.getName(), what, diary().toString()));
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("log").toFile())
                .start();
    }

    private static List<String> java(int waitMillis) {
        return List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx32m",
                "-Drafter.wait.millis=" + waitMillis,
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"));
    }

    private Path diary() {
        return folder.resolve("diary");
    }

    private int end(Process process) throws Exception {
        try {
            assertTrue(process.waitFor(60, TimeUnit.SECONDS), Files.readString(folder.resolve("log")));
            return process.exitValue();
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
    }

    @Test
    void whatADeadProcessGaveIsThereForTheNextOnes() throws Exception {
        assertEquals(0, end(supervise("keeps")), Files.readString(folder.resolve("log")));
        assertEquals(List.of("kept", "19 left", "found kept0 replaced none kept19, 16 more"), lines(diary()));
    }

    @Test
    void moreNamesThanAVariableHoldsAreThereForTheNextOneToo() throws Exception {
        assertEquals(0, end(supervise("keepsMany")), Files.readString(folder.resolve("log")));
        assertEquals(List.of("kept", "true, 0 more"), lines(diary()));
    }

    @Test
    void aNameThatTheNextProcessCouldNotBeToldIsRefused() throws Exception {
        String address = folder.resolve("socket").toString();
        try (Fd receiver = UnixDatagrams.bind(address);
                Fd fd = Fd.open(Files.createFile(folder.resolve("file")), Fd.O_RDONLY)) {
            FdStore store = NotifyFdStore.of(Map.of("NOTIFY_SOCKET", address, KeptFds.NAMES_BYTES, "10"));
            store.keep("12345", fd);
            IOException refused = assertThrows(IOException.class, () -> store.keep("67890", fd));
            assertTrue(String.valueOf(refused.getMessage()).contains("can give no more"), refused.toString());
            assertTrue(store.keeps("12345") && !store.keeps("67890"));
            store.forget("12345");
            store.keep("67890", fd);
            assertTrue(receiver.number() >= 0);
        }
    }

    @Test
    void aProcessThatNeverServedIsNotStartedAgain() throws Exception {
        assertEquals(3, end(supervise("fails")));
        assertEquals(List.of("fails"), lines(diary()));
    }

    @Test
    void aSignalToEndIsPassedOnAndItsEndIsAwaited() throws Exception {
        Process process = supervise("waits");
        try {
            while (lines(diary()).isEmpty()) {
                Thread.sleep(20);
            }
            process.destroy();
            process.waitFor(60, TimeUnit.SECONDS);
            assertEquals(List.of("waits", "told"), lines(diary()));
        } finally {
            end(process);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"dies", "hangs", "diesBelowSystemd", "diesWithManyGuards", "diesWithManyGuardsBelowSystemd"})
    void whoWaitsForADaemonThatDoesNotGetToServeGetsAnError(String how) throws Exception {
        assumeTrue("root".equals(System.getProperty("user.name")), "needs root");
        folder = Files.createTempDirectory(Path.of("target").toAbsolutePath(), "supervisor");
        Process process = supervise(how);
        try {
            while (lines(diary()).isEmpty()) {
                assertTrue(process.isAlive(), Files.readString(folder.resolve("log")));
                Thread.sleep(20);
            }
            Process reader = new ProcessBuilder("cat", folder.resolve("guarded").toString())
                    .redirectErrorStream(true)
                    .start();
            assertTrue(reader.waitFor(40, TimeUnit.SECONDS), Files.readString(folder.resolve("log")));
            String said = new String(reader.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertTrue(said.contains("Input/output error"), said);
        } finally {
            process.destroyForcibly();
            end(process);
            delete(folder);
        }
    }

    private static void delete(Path tree) throws IOException {
        try (Stream<Path> files = Files.walk(tree)) {
            for (Path file : files.sorted((a, b) -> b.compareTo(a)).toList()) {
                Files.delete(file);
            }
        }
    }

    @Test
    void aMessageCarriesDescriptorsAndWhoSentIt() throws Exception {
        Path file = Files.writeString(folder.resolve("file"), "x");
        String address = folder.resolve("socket").toString();
        try (Fd receiver = UnixDatagrams.bind(address);
                Fd sender = UnixDatagrams.connect(address);
                Fd fd = Fd.open(file, Fd.O_RDONLY)) {
            UnixDatagrams.send(sender, "a\nb", List.of(fd, fd));
            UnixDatagrams.Message message = UnixDatagrams.receive(receiver);
            assertEquals("a\nb", message.text());
            assertEquals(ProcessHandle.current().pid(), message.pid());
            assertEquals(2, message.fds().size());
            for (Fd received : message.fds()) {
                assertEquals(file.toRealPath(), Files.readSymbolicLink(received.path()));
                received.close();
            }
        }
    }

    @Test
    void withoutAStoreNothingIsKept() throws Exception {
        FdStore store = NotifyFdStore.of(Map.of());
        try (Fd fd = Fd.open(Files.createFile(folder.resolve("file")), Fd.O_RDONLY)) {
            store.keep("file", fd);
            store.settle();
            assertTrue(store.take("file").isEmpty());
            assertTrue(!store.outlivesThisProcess());
        }
    }
}
