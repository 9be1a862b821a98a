package dev.rafter.deploy.bench;

import dev.rafter.deploy.harness.Shell;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How long a read of a guarded file takes whose bytes are there: the kernel asks the daemon at each read, and nothing else is slow, since
 * the bytes are in the page cache.
 */
final class EventLatency {
    private static final int READS = 100_000;
    private static final int WARM_UP_READS = 20_000;
    private static final int BLOCK_BYTES = 4096;
    /** A line of {@code filefrag -v}: number, first and last block in the file, and more. */
    private static final Pattern EXTENT = Pattern.compile("\\s*\\d+:\\s*(\\d+)\\.\\.\\s*(\\d+):.*");

    private EventLatency() {}

    /**
     * Microseconds of single reads of 4 KiB.
     *
     * @param file "guarded" or "not guarded"
     */
    record Latency(String file, double p50, double p99, double p999, double longest) {
        static String table(List<Latency> latencies) {
            Table table = new Table("read of 4 KiB in the page cache, us", "p50", "p99", "p99.9", "longest");
            for (Latency latency : latencies) {
                table.row(
                        latency.file,
                        format(latency.p50),
                        format(latency.p99),
                        format(latency.p999),
                        format(latency.longest));
            }
            return table.toString();
        }

        private static String format(double micros) {
            return String.format(Locale.ROOT, "%.1f", micros);
        }
    }

    /** The largest cache file below a root. */
    static Path largestCacheFile(Path root) throws IOException {
        Path largest = null;
        try (var files = Files.walk(root.resolve("blobs"))) {
            for (Path file : (Iterable<Path>) files::iterator) {
                boolean data = file.endsWith("data") && Files.isRegularFile(file);
                if (data && (largest == null || Files.size(file) > Files.size(largest))) {
                    largest = file;
                }
            }
        }
        if (largest == null) {
            throw new IOException("no cache file below " + root);
        }
        return largest;
    }

    /** Reads blocks at random that are on disk: others would be fetched. */
    static Latency measure(String what, Path file, Random random) throws IOException, InterruptedException {
        List<Long> blocks = blocks(file);
        ByteBuffer buffer = ByteBuffer.allocateDirect(BLOCK_BYTES);
        long[] nanos = new long[READS];
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            for (long block : blocks) {
                channel.read(buffer.clear(), block * BLOCK_BYTES);
            }
            for (int i = -WARM_UP_READS; i < READS; i++) {
                long offset = blocks.get(random.nextInt(blocks.size())) * BLOCK_BYTES;
                long start = System.nanoTime();
                channel.read(buffer.clear(), offset);
                nanos[Math.max(i, 0)] = System.nanoTime() - start;
            }
        }
        Arrays.sort(nanos);
        return new Latency(what, at(nanos, 0.5), at(nanos, 0.99), at(nanos, 0.999), at(nanos, 1));
    }

    private static double at(long[] sorted, double share) {
        return sorted[(int) Math.min(sorted.length - 1, (long) (sorted.length * share))] / 1e3;
    }

    private static List<Long> blocks(Path file) throws IOException, InterruptedException {
        List<Long> blocks = new ArrayList<>();
        long size = Files.size(file);
        for (String line :
                Shell.run("filefrag", "-s", "-v", "-b4096", file.toString()).split("\n", -1)) {
            Matcher extent = EXTENT.matcher(line);
            if (extent.matches() && !line.contains("unwritten")) {
                for (long block = Long.parseLong(extent.group(1)); block <= Long.parseLong(extent.group(2)); block++) {
                    if (block * BLOCK_BYTES < size) {
                        blocks.add(block);
                    }
                }
            }
        }
        if (blocks.isEmpty()) {
            throw new IOException("nothing of " + file + " is on disk");
        }
        return blocks;
    }
}
