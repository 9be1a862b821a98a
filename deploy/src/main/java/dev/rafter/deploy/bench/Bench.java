package dev.rafter.deploy.bench;

import dev.rafter.deploy.harness.Rafter;
import dev.rafter.registry.embedded.LinkSpeed;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code rafter bench}: measures, prints tables, writes JSON. */
@Command(
        name = "rafter bench",
        description = "Measures Rafter beside others, prints tables and writes JSON.",
        mixinStandardHelpOptions = true,
        subcommands = {Bench.Cold.class, Bench.Warm.class, Bench.Build.class, Bench.Node.class})
public final class Bench {
    private static final List<String> IMAGES = List.of("nginx", "jdk-hello", "py-flask");
    /** Whose start counts for little when it is converted. */
    private static final String LARGE = "large";

    private Bench() {}

    public static void main(String[] args) {
        System.exit(new CommandLine(new Bench()).execute(args));
    }

    /** What all benchmarks share. */
    static final class Common {
        @Option(names = "--work", description = "folder for all that is made (default: ${DEFAULT-VALUE})")
        Path work = Path.of("/var/tmp/rafter-bench");

        @Option(
                names = "--registry-port",
                description = "port of the registry with the images (default: ${DEFAULT-VALUE})")
        int registryPort = 5000;

        @Option(names = "--out", description = "folder for the JSON files (default: deploy/target/bench)")
        Path out = home().resolve("deploy/target/bench");

        @Option(names = "--seed", description = "order of the samples (default: ${DEFAULT-VALUE})")
        long seed = 1;

        BenchRegistry registry() throws IOException, InterruptedException {
            return BenchRegistry.open(home(), work, registryPort, false);
        }

        /** Converts anew each time: what is measured is what is built. */
        void convert(BenchRegistry registry, BenchImage image, List<String> options) throws IOException {
            List<String> arguments = new ArrayList<>(
                    List.of("convert", image.reference(registry.host()), image.rafsReference(registry.host())));
            arguments.addAll(options);
            Rafter.in(work.resolve("convert")).command(arguments.toArray(String[]::new));
        }
    }

    private static List<BenchImage> benchImages(List<String> names) {
        return names.stream().map(name -> new BenchImage("bench/" + name, "1")).toList();
    }

    /** What runs in a sample. */
    private static List<Path> programs() throws IOException {
        List<Path> programs = new ArrayList<>(List.of(home().resolve("deploy/target/lib"), ContainerdNode.newest()));
        for (String program : List.of("containerd", "ctr", "containerd-shim-runc-v2", "runc", "bash")) {
            Arrays.stream(System.getenv("PATH").split(":"))
                    .map(folder -> Path.of(folder, program))
                    .filter(Files::isExecutable)
                    .findFirst()
                    .ifPresent(programs::add);
        }
        programs.add(Path.of(System.getProperty("java.home")));
        return programs;
    }

    static Path home() {
        return Path.of(System.getProperty("rafter.home", "."));
    }

    @Command(name = "cold", description = "From the first request for an image to READY, over shaped links.")
    static final class Cold implements Callable<Integer> {
        @CommandLine.Mixin
        Common common = new Common();

        @Option(names = "--rounds", description = "samples a cell (default: ${DEFAULT-VALUE})")
        int rounds = 5;

        @Option(names = "--images", split = ",", description = "of py-flask, jdk-hello, nginx (default: all)")
        List<String> images = IMAGES;

        @Option(names = "--links", split = ",", description = "as 100mbit/20ms or unshaped (default: ${DEFAULT-VALUE})")
        List<String> links = List.of("100mbit/20ms", "1gbit/1ms", "unshaped");

        @Option(names = "--systems", split = ",", description = "of raw, overlayfs, rafter, snapshotter (default: all)")
        List<String> systems = List.of("raw", "overlayfs", "rafter", "snapshotter");

        @Option(names = "--convert", arity = "0..*", split = ",", description = "options of rafter convert")
        List<String> convertOptions = List.of();

        @Override
        public Integer call() throws IOException, InterruptedException {
            Files.createDirectories(common.work);
            List<BenchImage> chosen = images.stream()
                    .map(name -> new BenchImage("bench/" + name, "1"))
                    .toList();
            try (BenchRegistry registry = common.registry()) {
                for (BenchImage image : chosen) {
                    common.convert(registry, image, convertOptions);
                }
                List<Comparator> comparators = new ArrayList<>();
                for (String system : systems) {
                    comparators.add(comparator(system));
                }
                ColdBench bench = new ColdBench(registry, comparators, programs(), common.seed);
                List<ColdBench.Cell> cells = bench.measure(
                        chosen, links.stream().map(LinkSpeed::parse).toList(), rounds);
                System.out.println();
                System.out.print(ColdBench.table(cells));
                Report report = new Report("cold");
                report.put("cells", cells.stream().map(ColdBench.Cell::report).toList());
                System.out.println("written: " + report.write(common.out));
            }
            return 0;
        }

        private Comparator comparator(String system) throws IOException {
            return switch (system) {
                case "raw" -> new RawDownload();
                case "overlayfs" ->
                    new ContainerdPull(ContainerdNode.newest(), common.work.resolve("containerd"), false);
                case "rafter" -> new RafterMount(common.work.resolve("rafter"));
                case "snapshotter" ->
                    new ContainerdPull(ContainerdNode.newest(), common.work.resolve("snapshotter"), true);
                default ->
                    throw new CommandLine.ParameterException(
                            new CommandLine(this),
                            "no such system: " + system + "; there are raw, overlayfs, rafter and snapshotter");
            };
        }
    }

    @Command(name = "warm", description = "Reads of what is local, against a local EROFS mount; the fill itself.")
    static final class Warm implements Callable<Integer> {
        @CommandLine.Mixin
        Common common = new Common();

        @Option(names = "--rounds", description = "readings of each (default: ${DEFAULT-VALUE})")
        int rounds = 5;

        @Option(names = "--image", description = "one of py-flask, jdk-hello, nginx (default: ${DEFAULT-VALUE})")
        String image = "jdk-hello";

        @Override
        public Integer call() throws IOException, InterruptedException {
            Files.createDirectories(common.work);
            BenchImage chosen = new BenchImage("bench/" + image, "1");
            try (BenchRegistry registry = common.registry()) {
                common.convert(registry, chosen, List.of());
                WarmBench.Measured measured =
                        new WarmBench(common.work.resolve("warm"), common.seed).measure(registry, chosen, rounds);
                System.out.print(WarmBench.table(measured.readings()));
                System.out.println();
                System.out.print(EventLatency.Latency.table(measured.events()));
                Report report = new Report("warm");
                report.put("readings", measured.readings());
                report.put("eventLatencies", measured.events());
                System.out.println("written: " + report.write(common.out));
            }
            return 0;
        }
    }

    @Command(
            name = "node",
            description = "The daemon on a node: plain images against overlayfs, memory and processor time, starts.")
    static final class Node implements Callable<Integer> {
        /** A container runs within a tenth of a second: a few samples of that say nothing. */
        private static final int PLAIN_ROUNDS_FACTOR = 3;

        @CommandLine.Mixin
        Common common = new Common();

        @Option(
                names = "--rounds",
                description = "samples of each, three times as many of plain images (default: ${DEFAULT-VALUE})")
        int rounds = 5;

        @Option(names = "--images", split = ",", description = "of py-flask, jdk-hello, nginx (default: all)")
        List<String> images = IMAGES;

        @Option(names = "--parts", split = ",", description = "of starts, states, plain (default: all)")
        List<String> parts = List.of("starts", "states", "plain");

        @Override
        public Integer call() throws IOException, InterruptedException {
            Files.createDirectories(common.work);
            Report report = new Report("node");
            try (BenchRegistry registry = common.registry()) {
                DaemonBench daemon = new DaemonBench(registry, common.work.resolve("daemon"), common.seed);
                if (parts.contains("starts")) {
                    List<DaemonBench.Start> starts = daemon.starts(rounds);
                    System.out.println("\n" + DaemonBench.startTable(starts));
                    report.put("starts", starts);
                }
                if (parts.contains("states")) {
                    for (BenchImage image : benchImages(images)) {
                        common.convert(registry, image, List.of());
                    }
                    List<DaemonBench.State> states = daemon.states(benchImages(images));
                    System.out.println("\n" + DaemonBench.table(states));
                    report.put("states", states);
                }
                if (parts.contains("plain")) {
                    List<PlainBench.Run> runs = new PlainBench(registry, common.work.resolve("plain"), common.seed)
                            .measure(benchImages(images), PLAIN_ROUNDS_FACTOR * rounds);
                    System.out.println("\n" + PlainBench.table(runs));
                    report.put("plain", runs);
                }
                System.out.println("written: " + report.write(common.out));
            }
            return 0;
        }
    }

    @Command(name = "build", description = "Converting: MB/s of uncompressed tar, peak memory, size.")
    static final class Build implements Callable<Integer> {
        private static final List<BuildBench.Way> WAYS = List.of(
                new BuildBench.Way("zstd, from plain tars", true, List.of()),
                new BuildBench.Way("lz4, from plain tars", true, List.of("--compressor", "lz4")),
                new BuildBench.Way("none, from plain tars", true, List.of("--compressor", "none")),
                new BuildBench.Way("zstd, from gzip in a registry", false, List.of()));

        @CommandLine.Mixin
        Common common = new Common();

        @Option(names = "--rounds", description = "runs of each way (default: ${DEFAULT-VALUE})")
        int rounds = 3;

        @Option(names = "--images", split = ",", description = "of py-flask, jdk-hello, nginx, large (default: all)")
        List<String> images = Stream.concat(IMAGES.stream(), Stream.of(LARGE)).toList();

        @Override
        public Integer call() throws IOException, InterruptedException {
            Files.createDirectories(common.work);
            try (BenchRegistry registry =
                    BenchRegistry.open(home(), common.work, common.registryPort, images.contains(LARGE))) {
                List<BuildBench.Run> runs = new BuildBench(common.work.resolve("build"), common.seed)
                        .measure(registry, benchImages(images), WAYS, rounds);
                System.out.println();
                System.out.print(BuildBench.table(runs));
                Report report = new Report("build");
                report.put("runs", runs);
                System.out.println("written: " + report.write(common.out));
            }
            return 0;
        }
    }
}
