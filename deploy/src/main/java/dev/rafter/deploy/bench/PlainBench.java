package dev.rafter.deploy.bench;

import dev.rafter.registry.embedded.Link;
import dev.rafter.registry.embedded.LinkSpeed;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.function.ToDoubleFunction;

/** Images that are not served lazily, pulled and run through our snapshotter and through overlayfs, interleaved in random order. */
final class PlainBench {
    private static final List<String> SYSTEMS = List.of("overlayfs", "rafter");

    private final BenchRegistry registry;
    private final Path folder;
    private final List<Path> programs;
    private final Random order;

    PlainBench(BenchRegistry registry, Path folder, List<Path> programs, long seed) {
        this.registry = registry;
        this.folder = folder;
        this.programs = programs;
        order = new Random(seed);
    }

    /** A node that was started just now still does what it does after a start; on no real node is that when a pull begins. */
    private static final long SETTLE_MILLIS = 4_000;

    /** One image on one new node. */
    record Run(String image, String system, double pullSeconds, double runSeconds) {}

    List<Run> measure(List<BenchImage> images, int rounds) throws IOException, InterruptedException {
        List<Run> runs = new ArrayList<>();
        for (int round = 0; round < rounds; round++) {
            for (BenchImage image : images) {
                List<String> shuffled = new ArrayList<>(SYSTEMS);
                Collections.shuffle(shuffled, order);
                for (String system : shuffled) {
                    Run run = run(image, system);
                    runs.add(run);
                    System.out.printf(
                            Locale.ROOT,
                            "%s | %s: pull %.2f s, run %.2f s%n",
                            run.image(),
                            run.system(),
                            run.pullSeconds(),
                            run.runSeconds());
                }
            }
        }
        return runs;
    }

    private Run run(BenchImage image, String system) throws IOException, InterruptedException {
        Path binaries = ContainerdNode.newest();
        try (Link link = Link.open(LinkSpeed.unshaped(), registry.address());
                ContainerdNode node = system.equals("rafter")
                        ? ContainerdNode.rafter(binaries, folder)
                        : ContainerdNode.overlayfs(binaries, folder)) {
            Machine.dropCaches();
            Machine.warm(registry.data());
            Machine.warm(programs);
            Thread.sleep(SETTLE_MILLIS);
            long start = System.nanoTime();
            node.pull(image.reference(link.host()));
            long pulled = System.nanoTime();
            long ready = node.run(image.reference(link.host()), link).nanoTime();
            return new Run(image.name(), system, (pulled - start) / 1e9, (ready - pulled) / 1e9);
        }
    }

    /** Medians, and the ratio of ours to overlayfs's. */
    static String table(List<Run> runs) {
        Table table = new Table(
                "image", "pull, overlayfs", "pull, rafter", "ratio", "run, overlayfs", "run, rafter", "ratio");
        for (String image : runs.stream().map(Run::image).distinct().toList()) {
            List<String> row = new ArrayList<>(List.of(image));
            row.addAll(compare(runs, image, Run::pullSeconds));
            row.addAll(compare(runs, image, Run::runSeconds));
            table.row(row.toArray(String[]::new));
        }
        return table.toString();
    }

    private static List<String> compare(List<Run> runs, String image, ToDoubleFunction<Run> figure) {
        double theirs = median(runs, image, SYSTEMS.getFirst(), figure);
        double ours = median(runs, image, SYSTEMS.getLast(), figure);
        return List.of(format(theirs), format(ours), format(ours / theirs));
    }

    private static double median(List<Run> runs, String image, String system, ToDoubleFunction<Run> figure) {
        return Figures.median(runs.stream()
                .filter(run -> run.image().equals(image) && run.system().equals(system))
                .mapToDouble(figure)
                .toArray());
    }

    private static String format(double value) {
        return String.format(Locale.ROOT, "%.2f", value);
    }
}
