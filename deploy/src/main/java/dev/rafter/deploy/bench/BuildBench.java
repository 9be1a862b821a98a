package dev.rafter.deploy.bench;

import dev.rafter.deploy.harness.Shell;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;

/**
 * Converting: MB/s of uncompressed tar, CPU time, peak resident memory and size of the result, for each way of converting. The source is a docker
 * archive, whose layers are plain tars, or the registry with its gzip layers; the target is an OCI layout directory.
 */
final class BuildBench {
    private static final Duration LONGEST = Duration.ofMinutes(10);

    private final Path folder;
    private final Random order;

    BuildBench(Path folder, long seed) {
        this.folder = folder;
        order = new Random(seed);
    }

    /**
     * A way of converting.
     *
     * @param fromArchive from uncompressed layers of a local file, else from the registry's gzip layers
     * @param options of {@code rafter convert}
     */
    record Way(String name, boolean fromArchive, List<String> options) {}

    /** One conversion. */
    record Run(
            BenchImage image,
            Way way,
            double seconds,
            double cpuSeconds,
            double tarBytes,
            double peakMiB,
            double size) {
        double megabytesPerSecond() {
            return tarBytes / 1e6 / seconds;
        }
    }

    List<Run> measure(BenchRegistry registry, List<BenchImage> images, List<Way> ways, int rounds)
            throws IOException, InterruptedException {
        List<Run> runs = new ArrayList<>();
        try {
            for (BenchImage image : images) {
                Path archive = archive(registry, image);
                for (int round = 0; round < rounds; round++) {
                    List<Way> shuffled = new ArrayList<>(ways);
                    Collections.shuffle(shuffled, order);
                    for (Way way : shuffled) {
                        runs.add(run(registry, image, archive, way));
                    }
                }
            }
        } finally {
            Shell.deleteTree(folder);
        }
        return runs;
    }

    private Path archive(BenchRegistry registry, BenchImage image) throws IOException, InterruptedException {
        Files.createDirectories(folder);
        Path archive = folder.resolve(image.name() + ".tar");
        Shell.run(
                "skopeo",
                "copy",
                "--quiet",
                "--src-tls-verify=false",
                "docker://" + image.reference(registry.host()),
                "docker-archive:" + archive + ":" + image.name() + ":1");
        return archive;
    }

    private Run run(BenchRegistry registry, BenchImage image, Path archive, Way way)
            throws IOException, InterruptedException {
        Path target = folder.resolve("target");
        List<String> arguments = new ArrayList<>(List.of(
                "convert",
                way.fromArchive() ? "docker-archive:" + archive : image.reference(registry.host()),
                "oci:" + target));
        arguments.addAll(way.options());
        Machine.warm(List.of(archive));
        long start = System.nanoTime();
        Use use = useOf(launcher(arguments));
        double seconds = (System.nanoTime() - start) / 1e9;
        Run run = new Run(image, way, seconds, use.cpuSeconds, Files.size(archive), use.peakMiB, sizeOf(target));
        System.out.printf(
                Locale.ROOT,
                "%s | %s: %.0f MB/s, %.1f s of CPU, peak %.0f MiB, %.1f MB%n",
                image.name(),
                way.name(),
                run.megabytesPerSecond(),
                run.cpuSeconds(),
                run.peakMiB(),
                run.size() / 1e6);
        Shell.deleteTree(target);
        return run;
    }

    /** As a person starts it: the launcher's own time is in the figures too. */
    private ProcessBuilder launcher(List<String> arguments) {
        List<String> command = new ArrayList<>();
        command.add(Bench.home().resolve("rafter").toString());
        command.addAll(arguments);
        command.addAll(List.of(
                "--root",
                folder.resolve("root").toString(),
                "--run",
                folder.resolve("run").toString()));
        return new ProcessBuilder(command);
    }

    /** What a process took, as it was seen last before its end. */
    private record Use(double cpuSeconds, double peakMiB) {}

    private Use useOf(ProcessBuilder command) throws IOException, InterruptedException {
        Path log = folder.resolve("convert.log");
        Process process =
                command.redirectErrorStream(true).redirectOutput(log.toFile()).start();
        double peak = 0;
        double cpuSeconds = 0;
        long deadline = System.nanoTime() + LONGEST.toNanos();
        while (!process.waitFor(Duration.ofMillis(20))) {
            if (System.nanoTime() > deadline) {
                Shell.kill(process);
            }
            peak = Math.max(peak, Machine.peakMiB(process.pid()));
            cpuSeconds = Math.max(cpuSeconds, Machine.cpuSecondsWithChildren(process.pid()));
        }
        if (process.exitValue() != 0) {
            throw new IOException(String.join(" ", command.command()) + " failed:\n" + Files.readString(log));
        }
        return new Use(cpuSeconds, peak);
    }

    private static double sizeOf(Path layout) throws IOException {
        try (Stream<Path> blobs = Files.walk(layout)) {
            return blobs.filter(Files::isRegularFile)
                    .mapToLong(blob -> blob.toFile().length())
                    .sum();
        }
    }

    static String table(List<Run> runs) {
        Table table = new Table("image", "way", "MB/s of tar", "CPU s", "peak MiB", "size MB");
        List<String> keys =
                runs.stream().map(BuildBench::key).distinct().sorted().toList();
        for (String key : keys) {
            List<Run> of = runs.stream().filter(run -> key(run).equals(key)).toList();
            table.row(
                    of.getFirst().image().name(),
                    of.getFirst().way().name(),
                    median(of, Run::megabytesPerSecond, "%.0f"),
                    median(of, Run::cpuSeconds, "%.1f"),
                    median(of, Run::peakMiB, "%.0f"),
                    median(of, run -> run.size() / 1e6, "%.1f"));
        }
        return table.toString();
    }

    private static String key(Run run) {
        return run.image().name() + "/" + run.way().name();
    }

    private static String median(List<Run> runs, ToDoubleFunction<Run> figure, String format) {
        return String.format(
                Locale.ROOT,
                format,
                Figures.median(runs.stream().mapToDouble(figure).toArray()));
    }
}
