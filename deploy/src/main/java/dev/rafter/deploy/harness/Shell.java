package dev.rafter.deploy.harness;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Runs programs to their end, each within a time. */
public final class Shell {
    /** Characters of a program's output that an error quotes. */
    private static final int LONGEST_QUOTE = 4_000;

    private Shell() {}

    /**
     * What a program left behind.
     *
     * @param status exit status
     * @param output standard output and standard error, as they came
     */
    public record Result(List<String> command, int status, String output) {
        /** The output, if the program succeeded. */
        public String orThrow() throws IOException {
            if (status != 0) {
                throw new IOException(String.join(" ", command) + ": exit status " + status + ":\n" + tail());
            }
            return output;
        }

        /** The last of the output: what went wrong tends to be said there. */
        private String tail() {
            String text = output.strip();
            return text.length() <= LONGEST_QUOTE ? text : "…" + text.substring(text.length() - LONGEST_QUOTE);
        }
    }

    /** Runs a program that has to succeed within ten minutes; gives its output. */
    public static String run(String... command) throws IOException, InterruptedException {
        return tryRun(Duration.ofMinutes(10), command).orThrow();
    }

    /** Runs a program within a time; kills it, and fails, when that is over. */
    public static Result tryRun(Duration timeout, String... command) throws IOException, InterruptedException {
        return tryRun(timeout, new ProcessBuilder(command));
    }

    /** Runs a prepared program within a time; kills it and its children, and fails, when that is over. */
    public static Result tryRun(Duration timeout, ProcessBuilder builder) throws IOException, InterruptedException {
        Path output = Files.createTempFile("rafter-output", ".txt");
        try {
            Process process = builder.redirectErrorStream(true)
                    .redirectInput(Redirect.from(Path.of("/dev/null").toFile()))
                    .redirectOutput(output.toFile())
                    .start();
            if (!process.waitFor(timeout)) {
                String all = builder.command().getFirst().equals("ps") ? "" : processes();
                kill(process);
                throw new IOException(String.join(" ", builder.command()) + ": not done within " + timeout.toSeconds()
                        + " s; killed. Its output so far:\n" + read(output) + all);
            }
            return new Result(List.copyOf(builder.command()), process.exitValue(), read(output));
        } finally {
            Files.deleteIfExists(output);
        }
    }

    /** The threads that are not kernel's, with their states: who a program that hangs may have waited for. */
    private static String processes() throws IOException, InterruptedException {
        if (!has("ps")) {
            return "";
        }
        Result all = tryRun(
                Duration.ofSeconds(10), "ps", "-N", "--ppid", "2", "-Lo", "pid,ppid,tid,stat,etimes,comm:20,args:100");
        return "\nWhat ran then:\n" + all.output();
    }

    /** Kills a process and its descendants, and waits for it. */
    public static void kill(Process process) {
        List<ProcessHandle> descendants = process.descendants().toList();
        process.destroyForcibly();
        descendants.forEach(ProcessHandle::destroyForcibly);
        endsWithin(process, Duration.ofSeconds(10));
    }

    /** Asks a process to end, and kills it if it has not after ten seconds. */
    public static void stop(Process process) {
        process.destroy();
        if (!endsWithin(process, Duration.ofSeconds(10))) {
            kill(process);
        }
    }

    private static boolean endsWithin(Process process, Duration timeout) {
        try {
            return process.waitFor(timeout);
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** Whether all of these programs are on the PATH. */
    public static boolean has(String... programs) {
        return Arrays.stream(programs).allMatch(Shell::isOnPath);
    }

    private static boolean isOnPath(String program) {
        return Arrays.stream(System.getenv("PATH").split(":"))
                .anyMatch(folder -> Files.isExecutable(Path.of(folder, program)));
    }

    /** Removes a folder and all in it; what is not there is no error. */
    public static void deleteTree(Path root) throws IOException {
        if (!Files.exists(root, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        try (Stream<Path> files = Files.walk(root)) {
            files.sorted(Comparator.reverseOrder()).forEach(Shell::delete);
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    private static void delete(Path file) {
        try {
            Files.delete(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String read(Path output) throws IOException {
        return new String(Files.readAllBytes(output), StandardCharsets.UTF_8);
    }
}
