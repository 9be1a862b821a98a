package dev.rafter.deploy.bench;

import dev.rafter.deploy.bench.Comparator.Ready;
import dev.rafter.deploy.harness.Shell;
import dev.rafter.registry.embedded.Link;
import java.io.BufferedReader;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** Runs a container's command until it has printed READY, and to its end. */
final class ReadyLine {
    private static final Duration LONGEST = Duration.ofMinutes(5);

    private ReadyLine() {}

    static Ready await(Link link, ProcessBuilder command) throws IOException, InterruptedException {
        Process process = command.redirectErrorStream(true).start();
        process.getOutputStream().close();
        try (ScheduledExecutorService watchdog = Executors.newSingleThreadScheduledExecutor()) {
            var kill = watchdog.schedule(() -> Shell.kill(process), LONGEST.toSeconds(), TimeUnit.SECONDS);
            try (BufferedReader output = process.inputReader()) {
                return await(link, command, process, output);
            } finally {
                kill.cancel(false);
                Shell.stop(process);
            }
        }
    }

    private static Ready await(Link link, ProcessBuilder command, Process process, BufferedReader output)
            throws IOException, InterruptedException {
        StringBuilder seen = new StringBuilder();
        Ready ready = null;
        for (String line = output.readLine(); line != null; line = output.readLine()) {
            if (ready == null && line.strip().equals("READY")) {
                ready = Ready.now(link);
            }
            seen.append(line).append('\n');
        }
        process.waitFor(LONGEST);
        if (ready == null) {
            throw new IOException(String.join(" ", command.command()) + ": did not become ready:\n" + seen);
        }
        return ready;
    }
}
