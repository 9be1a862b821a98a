package dev.rafter.deploy.bench;

import dev.rafter.deploy.harness.Rafter;
import dev.rafter.deploy.harness.Shell;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;

/**
 * Reads of an image that is all local, the page cache dropped before each, against a mount that mkfs.erofs made of the same tree; and the
 * fill itself, from a registry without a shaped link. Three mounts are read interleaved: the local EROFS, Rafter's while its guards are still
 * set (files of some sizes were never read), and Rafter's once every blob is complete and released.
 */
final class WarmBench {
    private final Path folder;
    private final Rafter rafter;
    private final Random order;

    WarmBench(Path folder, long seed) {
        this.folder = folder;
        rafter = Rafter.in(folder.resolve("node"));
        order = new Random(seed);
    }

    /** One figure: MB/s, or operations a second. */
    record Reading(String mount, String workload, double figure, double daemonCpuSeconds) {}

    /** What is read, as a shell command on a mount; gives bytes or operations. */
    private enum Workload {
        BIG_FILES("files over 4 MB, MB/s") {
            @Override
            double run(Path mount) throws IOException, InterruptedException {
                return read(mount, BIG);
            }
        },
        SMALL_FILES("files under 64 kB, MB/s") {
            @Override
            double run(Path mount) throws IOException, InterruptedException {
                return read(mount, SMALL);
            }
        },
        RANDOM("random 4 KiB, reads/s") {
            @Override
            double run(Path mount) throws IOException, InterruptedException {
                String largest = Shell.run(
                                "sh",
                                "-c",
                                "find " + mount
                                        + " -xdev -type f -printf '%s %p\\n' | sort -n | tail -1 | cut -d' ' -f2-")
                        .strip();
                long start = System.nanoTime();
                Shell.run(
                        "fio",
                        "--name=r",
                        "--readonly",
                        "--rw=randread",
                        "--bs=4k",
                        "--filename=" + largest,
                        "--number_ios=" + READS,
                        "--size=100%",
                        "--ioengine=psync",
                        "--fadvise_hint=random",
                        "--output=/dev/null");
                return READS / seconds(start);
            }
        };

        private static final String BIG = "-size +4M";
        private static final String SMALL = "-size -64k";
        private static final int READS = 20_000;
        private final String title;

        Workload(String title) {
            this.title = title;
        }

        abstract double run(Path mount) throws IOException, InterruptedException;

        private static double read(Path mount, String which) throws IOException, InterruptedException {
            long start = System.nanoTime();
            String bytes = Shell.run(
                    "sh", "-c", "find " + mount + " -xdev -type f " + which + " -print0 | xargs -0 cat | wc -c");
            return Double.parseDouble(bytes.strip()) / 1e6 / seconds(start);
        }
    }

    private static double seconds(long startNanoTime) {
        return (System.nanoTime() - startNanoTime) / 1e9;
    }

    /** All figures. */
    record Measured(List<Reading> readings, List<EventLatency.Latency> events) {}

    Measured measure(BenchRegistry registry, BenchImage image, int rounds) throws IOException, InterruptedException {
        List<Reading> readings = new ArrayList<>();
        List<EventLatency.Latency> events;
        Path local = folder.resolve("local");
        Path lazy = folder.resolve("lazy");
        Path complete = folder.resolve("complete");
        try {
            makeLocal(registry, image, local);
            rafter.command("mount", image.rafsReference(registry.host()), lazy.toString());
            readings.add(fill(lazy));
            Map<String, Path> guarded = new LinkedHashMap<>(Map.of("local EROFS", local, "Rafter, guarded", lazy));
            readings.addAll(rounds(guarded, rounds));
            events = events();
            rafter.command("umount", lazy.toString());
            rafter.command("mount", "--fill", image.rafsReference(registry.host()), complete.toString());
            readAll(complete);
            Map<String, Path> released =
                    new LinkedHashMap<>(Map.of("local EROFS", local, "Rafter, complete", complete));
            readings.addAll(rounds(released, rounds));
        } finally {
            rafter.close();
            Shell.deleteTree(folder);
        }
        return new Measured(readings, events);
    }

    private List<EventLatency.Latency> events() throws IOException, InterruptedException {
        return List.of(
                EventLatency.measure("guarded", EventLatency.largestCacheFile(rafter.root()), order),
                EventLatency.measure("not guarded", folder.resolve("local.erofs"), order));
    }

    private void makeLocal(BenchRegistry registry, BenchImage image, Path mount)
            throws IOException, InterruptedException {
        Path tree = Files.createDirectories(folder.resolve("tree"));
        Process export = rafter.process("export", image.rafsReference(registry.host()))
                .redirectOutput(folder.resolve("tree.tar").toFile())
                .redirectError(folder.resolve("export.log").toFile())
                .start();
        if (export.waitFor() != 0) {
            throw new IOException("export failed: " + Files.readString(folder.resolve("export.log")));
        }
        Shell.run("tar", "-xf", folder.resolve("tree.tar").toString(), "-C", tree.toString());
        Path file = folder.resolve("local.erofs");
        Shell.run("mkfs.erofs", "--quiet", file.toString(), tree.toString());
        rafter.command("mount", "erofs:" + file, mount.toString());
    }

    /**
     * Reads what the workloads read, and not the files of sizes between: there are some in every layer, more than is fetched ahead, so
     * that the blobs stay incomplete and guarded. Measures the fill.
     */
    private Reading fill(Path mount) throws IOException, InterruptedException {
        double before = daemonCpu();
        long start = System.nanoTime();
        String bytes = Shell.run(
                "sh",
                "-c",
                "find " + mount + " -xdev -type f \\( " + Workload.BIG + " -o " + Workload.SMALL
                        + " \\) -print0 | xargs -0 cat | wc -c");
        double seconds = seconds(start);
        return new Reading(
                "Rafter", "cold fill, MB/s", Double.parseDouble(bytes.strip()) / 1e6 / seconds, daemonCpu() - before);
    }

    private static void readAll(Path mount) throws IOException, InterruptedException {
        Shell.run("sh", "-c", "find " + mount + " -xdev -type f -print0 | xargs -0 cat | wc -c");
    }

    private List<Reading> rounds(Map<String, Path> mounts, int rounds) throws IOException, InterruptedException {
        List<Reading> readings = new ArrayList<>();
        for (int round = 0; round < rounds; round++) {
            List<String> shuffled = new ArrayList<>(mounts.keySet());
            Collections.shuffle(shuffled, order);
            for (Workload workload : Workload.values()) {
                for (String mount : shuffled) {
                    Machine.dropCaches();
                    double before = daemonCpu();
                    double figure = workload.run(mounts.getOrDefault(mount, folder));
                    readings.add(new Reading(mount, workload.title, figure, daemonCpu() - before));
                }
            }
        }
        return readings;
    }

    private double daemonCpu() throws IOException {
        Path pid = rafter.run().resolve("daemon.pid");
        return Files.exists(pid)
                ? Machine.cpuSeconds(Long.parseLong(Files.readString(pid).strip()))
                : 0;
    }

    static String table(List<Reading> readings) {
        Table table = new Table("workload", "mount", "median", "of local EROFS", "daemon CPU s");
        for (String workload :
                readings.stream().map(Reading::workload).distinct().toList()) {
            double local = median(readings, workload, "local EROFS");
            for (String mount : readings.stream().map(Reading::mount).distinct().toList()) {
                double figure = median(readings, workload, mount);
                if (!Double.isNaN(figure)) {
                    table.row(
                            workload,
                            mount,
                            String.format(Locale.ROOT, "%.0f", figure),
                            Double.isNaN(local) ? "" : String.format(Locale.ROOT, "%.2f", figure / local),
                            String.format(
                                    Locale.ROOT,
                                    "%.2f",
                                    Figures.median(of(readings, workload, mount)
                                            .mapToDouble(Reading::daemonCpuSeconds)
                                            .toArray())));
                }
            }
        }
        return table.toString();
    }

    private static double median(List<Reading> readings, String workload, String mount) {
        return Figures.median(
                of(readings, workload, mount).mapToDouble(Reading::figure).toArray());
    }

    private static Stream<Reading> of(List<Reading> readings, String workload, String mount) {
        return readings.stream()
                .filter(reading ->
                        reading.workload().equals(workload) && reading.mount().equals(mount));
    }
}
