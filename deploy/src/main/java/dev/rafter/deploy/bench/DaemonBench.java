package dev.rafter.deploy.bench;

import dev.rafter.api.ApiClient;
import dev.rafter.deploy.harness.Rafter;
import dev.rafter.deploy.harness.Shell;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/** What the daemon itself takes: memory and processor time, idle, with images mounted and under load, and how soon it answers. */
final class DaemonBench {
    private static final List<Integer> MOUNTS = List.of(0, 1, 5, 50);
    private static final Duration SETTLE = Duration.ofSeconds(2);
    private static final Duration IDLE = Duration.ofSeconds(10);
    private static final Duration LONGEST_START = Duration.ofSeconds(60);
    /** An option that changes nothing: with one of the person's own, the launcher uses no AOT cache. */
    private static final String WITHOUT_CACHE = "-Drafter.bench=1";

    private final BenchRegistry registry;
    private final Path folder;
    private final Random order;

    DaemonBench(BenchRegistry registry, Path folder, long seed) {
        this.registry = registry;
        this.folder = folder;
        order = new Random(seed);
    }

    /** A state of the daemon. The supervisor takes nothing under systemd. */
    record State(String name, Memory daemon, Memory supervisor, double cpuPercent) {}

    /**
     * What a process takes of the machine's memory.
     *
     * @param rssMiB resident; for a state of load, the most that it has been
     * @param pssMiB resident, what is shared divided among those that share it; for a state of load, at its end
     */
    record Memory(double rssMiB, double pssMiB) {
        static final Memory NONE = new Memory(0, 0);

        static Memory of(long pid) {
            return new Memory(Machine.residentMiB(pid), Machine.proportionalMiB(pid));
        }

        static Memory peakOf(long pid) {
            return new Memory(Machine.peakMiB(pid), Machine.proportionalMiB(pid));
        }
    }

    /** The time from the launcher's start to the first answer, and the processor time until then of the daemon alone. */
    record Start(boolean cache, double seconds, double cpuSeconds) {}

    /** Mounts the images in turn, each mount on a folder of its own. */
    List<State> states(List<BenchImage> images) throws IOException, InterruptedException {
        Rafter rafter = Rafter.in(folder.resolve("node"));
        List<State> states = new ArrayList<>();
        try {
            rafter.command("start");
            int mounted = 0;
            for (int mounts : MOUNTS) {
                for (; mounted < mounts; mounted++) {
                    BenchImage image = images.get(mounted % images.size());
                    rafter.command("mount", image.rafsReference(registry.host()), mount(mounted));
                }
                Thread.sleep(SETTLE);
                states.add(idle(mounts == 0 ? "idle" : mounts + " mounted", pid(rafter)));
            }
            states.add(load(pid(rafter), images.size()));
        } finally {
            rafter.close();
            Shell.deleteTree(folder);
        }
        return states;
    }

    private String mount(int number) {
        return folder.resolve("mnt" + number).toString();
    }

    private static long pid(Rafter rafter) throws IOException {
        return Long.parseLong(
                Files.readString(rafter.run().resolve("daemon.pid")).strip());
    }

    private static State idle(String name, long pid) throws IOException, InterruptedException {
        double before = Machine.cpuSeconds(pid);
        long start = System.nanoTime();
        Thread.sleep(IDLE);
        return state(name, pid, before, start, Memory.of(pid));
    }

    /** Reads every file of each image, everything fetched for the first time: its peak of memory. */
    private State load(long pid, int images) throws IOException, InterruptedException {
        double before = Machine.cpuSeconds(pid);
        long start = System.nanoTime();
        for (int i = 0; i < images; i++) {
            Shell.run("sh", "-c", "find \"$0\" -type f -print0 | xargs -0 -n 200 -P 4 cat > /dev/null", mount(i));
        }
        return state("under load", pid, before, start, Memory.peakOf(pid));
    }

    private static State state(String name, long pid, double cpuBefore, long start, Memory daemon) throws IOException {
        double cpuPercent = 100 * (Machine.cpuSeconds(pid) - cpuBefore) / ((System.nanoTime() - start) / 1e9);
        long parent = ProcessHandle.of(pid)
                .flatMap(ProcessHandle::parent)
                .map(ProcessHandle::pid)
                .orElse(1L);
        return new State(name, daemon, parent == 1 ? Memory.NONE : Memory.of(parent), cpuPercent);
    }

    /** Starts with and without the AOT cache, interleaved in random order. */
    List<Start> starts(int rounds) throws IOException, InterruptedException {
        List<Start> starts = new ArrayList<>();
        for (int round = 0; round < rounds; round++) {
            List<Boolean> shuffled = new ArrayList<>(List.of(true, false));
            Collections.shuffle(shuffled, order);
            for (boolean cache : shuffled) {
                starts.add(start(cache));
            }
        }
        return starts;
    }

    private Start start(boolean cache) throws IOException, InterruptedException {
        Rafter rafter = Rafter.in(Files.createDirectories(folder));
        ProcessBuilder launcher = new ProcessBuilder(
                        Bench.home().resolve("rafter").toString(),
                        "daemon",
                        "--root",
                        rafter.root().toString(),
                        "--run",
                        rafter.run().toString())
                .redirectErrorStream(true)
                .redirectOutput(Redirect.to(folder.resolve("log").toFile()));
        if (!cache) {
            launcher.environment().put("RAFTER_JAVA_OPTIONS", WITHOUT_CACHE);
        }
        long start = System.nanoTime();
        Process process = launcher.start();
        try {
            awaitAnswer(rafter, process);
            double seconds = (System.nanoTime() - start) / 1e9;
            return new Start(cache, seconds, Machine.cpuSeconds(pid(rafter)));
        } finally {
            rafter.close();
            Shell.stop(process);
            Shell.deleteTree(folder);
        }
    }

    private void awaitAnswer(Rafter rafter, Process process) throws IOException, InterruptedException {
        ApiClient api = new ApiClient(rafter.run().resolve("rafter.sock"));
        long deadline = System.nanoTime() + LONGEST_START.toNanos();
        while (!api.alive()) {
            if (!process.isAlive() || System.nanoTime() > deadline) {
                throw new IOException("the daemon does not answer:\n" + Files.readString(folder.resolve("log")));
            }
            process.waitFor(Duration.ofMillis(5));
        }
    }

    static String table(List<State> states) {
        Table table = new Table("daemon", "RSS, MiB", "PSS", "supervisor, RSS", "PSS", "both, PSS", "CPU, %");
        for (State state : states) {
            table.row(
                    state.name(),
                    format("%.0f", state.daemon().rssMiB()),
                    format("%.0f", state.daemon().pssMiB()),
                    format("%.0f", state.supervisor().rssMiB()),
                    format("%.0f", state.supervisor().pssMiB()),
                    format("%.0f", state.daemon().pssMiB() + state.supervisor().pssMiB()),
                    format("%.1f", state.cpuPercent()));
        }
        return table.toString();
    }

    static String startTable(List<Start> starts) {
        Table table = new Table("start", "first answer, s", "CPU, s");
        for (boolean cache : List.of(true, false)) {
            List<Start> of =
                    starts.stream().filter(start -> start.cache() == cache).toList();
            table.row(
                    cache ? "with AOT cache" : "without",
                    format(
                            "%.2f",
                            Figures.median(
                                    of.stream().mapToDouble(Start::seconds).toArray())),
                    format(
                            "%.2f",
                            Figures.median(
                                    of.stream().mapToDouble(Start::cpuSeconds).toArray())));
        }
        return table.toString();
    }

    private static String format(String pattern, double value) {
        return String.format(Locale.ROOT, pattern, value);
    }
}
