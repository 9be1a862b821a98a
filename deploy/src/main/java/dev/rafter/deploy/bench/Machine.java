package dev.rafter.deploy.bench;

import dev.rafter.deploy.harness.Shell;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** The machine that a benchmark runs on: what it is, and its page cache. */
final class Machine {
    private Machine() {}

    /** Facts that figures are quoted with. */
    static Map<String, Object> describe() throws IOException {
        Map<String, Object> facts = new TreeMap<>();
        facts.put("date", Instant.now().toString());
        facts.put(
                "kernel",
                Files.readString(Path.of("/proc/sys/kernel/osrelease")).strip());
        facts.put("cores", Runtime.getRuntime().availableProcessors());
        facts.put("cpu", cpuModel());
        facts.put("java", Runtime.version().toString());
        return facts;
    }

    private static String cpuModel() throws IOException {
        try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
            return lines.filter(line -> line.startsWith("model name"))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .findFirst()
                    .orElse("unknown");
        }
    }

    /** Writes out what is dirty and empties the page, dentry and inode caches. */
    static void dropCaches() throws IOException, InterruptedException {
        Shell.run("sync");
        Files.writeString(Path.of("/proc/sys/vm/drop_caches"), "3");
    }

    /** Reads files and folders into the page cache, so that a link is measured and not the disk. */
    static void warm(List<Path> roots) throws IOException {
        for (Path root : roots) {
            try (Stream<Path> files = Files.walk(root)) {
                for (Path file : (Iterable<Path>) files.filter(Files::isRegularFile)::iterator) {
                    read(file);
                }
            }
        }
    }

    private static void read(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            ByteBuffer buffer = ByteBuffer.allocateDirect(1 << 20);
            while (channel.read(buffer.clear()) > 0) {
                // reading is all
            }
        }
    }

    /** User and system time of a process, in seconds (proc(5), stat). */
    static double cpuSeconds(long pid) throws IOException {
        return ticks(pid, 2) / 100.0;
    }

    /** The same, with what its children took that have ended; 0 if the process is gone. */
    static double cpuSecondsWithChildren(long pid) {
        try {
            return ticks(pid, 4) / 100.0;
        } catch (IOException _) {
            return 0;
        }
    }

    private static long ticks(long pid, int fieldCount) throws IOException {
        String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
        String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
        return Arrays.stream(fields, 11, 11 + fieldCount)
                .mapToLong(Long::parseLong)
                .sum();
    }

    /** The resident memory of a process in MiB; 0 if it is gone. */
    static double residentMiB(long pid) {
        return memoryMiB(pid, "status", "VmRSS");
    }

    /** The most that the resident memory of a process has been, in MiB; 0 if it is gone. */
    static double peakMiB(long pid) {
        return memoryMiB(pid, "status", "VmHWM");
    }

    /** The resident memory of a process in MiB, each page divided by the number of processes that have it; 0 if it is gone. */
    static double proportionalMiB(long pid) {
        return memoryMiB(pid, "smaps_rollup", "Pss");
    }

    private static double memoryMiB(long pid, String file, String field) {
        try {
            return Files.readAllLines(Path.of("/proc/" + pid, file)).stream()
                    .filter(line -> line.startsWith(field + ":"))
                    .mapToDouble(line -> Double.parseDouble(line.replaceAll("\\D", "")) / 1024)
                    .findFirst()
                    .orElse(0);
        } catch (IOException _) {
            return 0; // it ends while it is asked: ENOENT, or ESRCH in the middle
        }
    }
}
