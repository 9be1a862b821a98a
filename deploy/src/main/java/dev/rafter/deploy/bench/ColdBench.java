package dev.rafter.deploy.bench;

import dev.rafter.deploy.bench.Comparator.Ready;
import dev.rafter.registry.embedded.Link;
import dev.rafter.registry.embedded.LinkSpeed;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/**
 * Cold starts: seconds, bytes and requests from the first request for an image to the line READY, every comparator on every image over
 * every link, interleaved in random order within each round.
 */
final class ColdBench {
    private final BenchRegistry registry;
    private final List<Comparator> comparators;
    private final List<Path> programs;
    private final Random order;

    /**
     * Measures with these.
     *
     * @param programs files and folders that are read into the page cache before each sample, besides the registry's
     * @param seed of the order of samples
     */
    ColdBench(BenchRegistry registry, List<Comparator> comparators, List<Path> programs, long seed) {
        this.registry = registry;
        this.comparators = comparators;
        this.programs = programs;
        order = new Random(seed);
    }

    /** The samples of a cell, by comparator. */
    record Cell(BenchImage image, LinkSpeed speed, Map<String, List<Sample>> samples) {
        Map<String, Object> report() {
            return Map.of("image", image.name(), "link", speed.name(), "samples", samples);
        }

        List<Sample> of(String comparator) {
            return samples.getOrDefault(comparator, List.of());
        }
    }

    List<Cell> measure(List<BenchImage> images, List<LinkSpeed> speeds, int rounds)
            throws IOException, InterruptedException {
        List<Cell> cells = new ArrayList<>();
        for (LinkSpeed speed : speeds) {
            for (BenchImage image : images) {
                cells.add(measure(image, speed, rounds));
            }
        }
        return cells;
    }

    private Cell measure(BenchImage image, LinkSpeed speed, int rounds) throws IOException, InterruptedException {
        Map<String, List<Sample>> samples = new LinkedHashMap<>();
        for (int round = 0; round < rounds; round++) {
            List<Comparator> shuffled = new ArrayList<>(comparators);
            Collections.shuffle(shuffled, order);
            for (Comparator comparator : shuffled) {
                Sample sample = sample(comparator, image, speed);
                samples.computeIfAbsent(comparator.name(), _ -> new ArrayList<>())
                        .add(sample);
                System.out.printf(
                        Locale.ROOT,
                        "%s | %s | %s: %.2f s, %.1f MB, %d requests%n",
                        speed.name(),
                        image.name(),
                        comparator.name(),
                        sample.seconds(),
                        sample.bytes() / 1e6,
                        sample.requests());
            }
        }
        return new Cell(image, speed, samples);
    }

    private Sample sample(Comparator comparator, BenchImage image, LinkSpeed speed)
            throws IOException, InterruptedException {
        try (Link link = Link.open(speed, registry.address())) {
            comparator.reset(link);
            Machine.dropCaches();
            Machine.warm(registry.data());
            Machine.warm(programs);
            link.resetCounts();
            long start = System.nanoTime();
            Ready ready = comparator.start(image, link);
            return new Sample((ready.nanoTime() - start) / 1e9, ready.bytes(), ready.requests());
        } finally {
            comparator.close();
        }
    }

    /** A table of medians; ratios are to raw in the same cell, amplification is to the least that any comparator fetched. */
    static String table(List<Cell> cells) {
        Table table =
                new Table("link", "image", "system", "seconds", "of raw", "MB", "requests", "of its pull's bytes");
        for (Cell cell : cells) {
            double raw = seconds(cell, "raw");
            double all = Sample.median(cell.of("raw"), Sample::bytes);
            new TreeMap<>(cell.samples())
                    .forEach((name, samples) -> table.row(
                            cell.speed().name(),
                            cell.image().name(),
                            name,
                            format("%.2f", seconds(cell, name)),
                            format("%.2f", seconds(cell, name) / raw),
                            format("%.1f", Sample.median(samples, Sample::bytes) / 1e6),
                            format("%.0f", Sample.median(samples, Sample::requests)),
                            format("%.2f", Sample.median(samples, Sample::bytes) / all)));
        }
        return table.toString();
    }

    private static double seconds(Cell cell, String comparator) {
        return Sample.median(cell.of(comparator), Sample::seconds);
    }

    private static String format(String pattern, double value) {
        return String.format(Locale.ROOT, pattern, value);
    }
}
