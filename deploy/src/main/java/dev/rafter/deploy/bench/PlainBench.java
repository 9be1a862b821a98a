package dev.rafter.deploy.bench;

import dev.rafter.deploy.harness.Shell;
import dev.rafter.registry.embedded.Link;
import dev.rafter.registry.embedded.LinkSpeed;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.function.ToDoubleFunction;

/**
 * Images that are not served lazily, pulled and run through our snapshotter and through overlayfs: by turns, in random order, on two nodes
 * that live as long as the benchmark, as nodes do. Each round pulls into a containerd namespace of its own, and nothing is removed before
 * the end: for minutes after files were deleted, ext4 takes many times as long to make others beside them (recently_deleted in
 * fs/ext4/ialloc.c), which would be measured.
 */
final class PlainBench {
    private static final List<String> SYSTEMS = List.of("overlayfs", "rafter");
    /** For what the sample before left to do. */
    private static final long SETTLE_MILLIS = 500;

    private final BenchRegistry registry;
    private final Path folder;
    private final Random order;

    PlainBench(BenchRegistry registry, Path folder, long seed) {
        this.registry = registry;
        this.folder = folder;
        order = new Random(seed);
    }

    /** One image pulled and run once. */
    record Run(String image, String system, double pullSeconds, double runSeconds) {}

    /** So many rounds of each image, and one before them that does not count. */
    List<Run> measure(List<BenchImage> images, int rounds) throws IOException, InterruptedException {
        Path binaries = ContainerdNode.newest();
        try (Link link = Link.open(LinkSpeed.unshaped(), registry.address());
                ContainerdNode overlayfs = ContainerdNode.overlayfs(binaries, folder.resolve("overlayfs"));
                ContainerdNode rafter = ContainerdNode.rafter(binaries, folder.resolve("rafter"))) {
            Map<String, ContainerdNode> nodes = Map.of("overlayfs", overlayfs, "rafter", rafter);
            List<Run> runs = new ArrayList<>();
            for (BenchImage image : images) {
                round("warm-up", image, nodes, link);
                for (int round = 0; round < rounds; round++) {
                    runs.addAll(round("round-" + round, image, nodes, link));
                }
            }
            return runs;
        }
    }

    private List<Run> round(String namespace, BenchImage image, Map<String, ContainerdNode> nodes, Link link)
            throws IOException, InterruptedException {
        List<Run> runs = new ArrayList<>();
        List<String> shuffled = new ArrayList<>(SYSTEMS);
        Collections.shuffle(shuffled, order);
        for (String system : shuffled) {
            Run run = run(namespace, image, system, Objects.requireNonNull(nodes.get(system)), link);
            System.out.printf(
                    Locale.ROOT,
                    "%s | %s: pull %.3f s, run %.3f s%n",
                    run.image(),
                    run.system(),
                    run.pullSeconds(),
                    run.runSeconds());
            runs.add(run);
        }
        return runs;
    }

    private Run run(String namespace, BenchImage image, String system, ContainerdNode node, Link link)
            throws IOException, InterruptedException {
        String reference = image.reference(link.host());
        Shell.run("sync");
        Thread.sleep(SETTLE_MILLIS);
        long start = System.nanoTime();
        node.pull(namespace, reference);
        long pulled = System.nanoTime();
        long ready = node.run(namespace, reference, link).nanoTime();
        return new Run(image.name(), system, (pulled - start) / 1e9, (ready - pulled) / 1e9);
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
        return List.of(format("%.3f", theirs), format("%.3f", ours), format("%.2f", ours / theirs));
    }

    private static double median(List<Run> runs, String image, String system, ToDoubleFunction<Run> figure) {
        return Figures.median(runs.stream()
                .filter(run -> run.image().equals(image) && run.system().equals(system))
                .mapToDouble(figure)
                .toArray());
    }

    private static String format(String pattern, double value) {
        return String.format(Locale.ROOT, pattern, value);
    }
}
