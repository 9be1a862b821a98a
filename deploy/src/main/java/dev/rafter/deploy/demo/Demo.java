package dev.rafter.deploy.demo;

import dev.rafter.deploy.bench.Table;
import dev.rafter.deploy.harness.Rafter;
import dev.rafter.deploy.harness.Shell;
import dev.rafter.registry.embedded.EmbeddedRegistry;
import dev.rafter.registry.embedded.EmbeddedRegistry.Options;
import dev.rafter.registry.embedded.LinkCounts;
import dev.rafter.registry.embedded.LinkSpeed;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Makes an image from this machine, serves it from an embedded registry over a slow link, and starts a program from it twice: after a full
 * pull, and from a lazy mount of the converted image. Prints what that took, and leaves nothing behind.
 */
@Command(
        name = "rafter demo",
        description = "Starts a program from an image over a slow link, fully pulled and lazily, and compares.",
        mixinStandardHelpOptions = true)
public final class Demo implements Callable<Integer> {
    @Option(names = "--link", description = "the simulated link (default: ${DEFAULT-VALUE})")
    private String link = "100mbit/20ms";

    @Option(names = "--work", description = "folder for all that is made and removed again (default: ${DEFAULT-VALUE})")
    private Path parent = Path.of("/var/tmp");

    private Demo() {}

    public static void main(String[] args) {
        System.exit(new CommandLine(new Demo()).execute(args));
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        LinkSpeed speed = LinkSpeed.parse(link);
        Path work = Files.createTempDirectory(parent, "rafter-demo");
        Rafter rafter = Rafter.in(work.resolve("node"));
        Options options = Options.inDirectory(work.resolve("registry")).withLink(speed);
        try (EmbeddedRegistry registry = EmbeddedRegistry.start(options)) {
            run(work, rafter, registry, speed);
        } finally {
            rafter.close();
            Shell.deleteTree(work);
        }
        return 0;
    }

    private static void run(Path work, Rafter rafter, EmbeddedRegistry registry, LinkSpeed speed)
            throws IOException, InterruptedException {
        say("1. Making an image from this machine: Debian's essential packages, the JDK, and a small program");
        Path layout = work.resolve("layout");
        MachineImage.make(layout);
        String direct = registry.directHost() + "/demo";
        Push.layout(layout, "demo", direct + ":1");

        say("2. Converting it to RAFS, in the registry");
        rafter.command("convert", direct + ":1", direct + ":1-rafs");
        rafter.command("start");

        say("3. Starting the program over " + speed.name() + ", after a full pull");
        Path pulled = work.resolve("pulled/root");
        Run full = measure(registry, () -> FullPull.pull(registry.host(), "demo", "1", pulled), pulled);

        say("4. Starting it from a lazy mount");
        Path mounted = work.resolve("mounted");
        String lazyImage = registry.host() + "/demo:1-rafs";
        Run lazy = measure(registry, () -> rafter.command("mount", lazyImage, mounted.toString()), mounted);

        say("5. Reading all of it, everything local, page cache dropped");
        rafter.command("umount", mounted.toString());
        rafter.command("mount", direct + ":1-rafs", mounted.toString());
        read(mounted);
        double fullWarm = warm(pulled);
        double lazyWarm = warm(mounted);
        System.out.println();
        System.out.println(table(full, lazy, fullWarm, lazyWarm));
        System.out.printf(
                Locale.ROOT,
                "Ready in %.0f %% of the time, with %.0f %% of the bytes; the digest of every chunk was checked.%n",
                100 * lazy.seconds() / full.seconds(),
                100.0 * lazy.counts().bytes() / full.counts().bytes());
    }

    /** One start: until the program has said hello. */
    private record Run(double seconds, LinkCounts counts, String said) {}

    private interface Step {
        void run() throws IOException, InterruptedException;
    }

    private static Run measure(EmbeddedRegistry registry, Step pull, Path root)
            throws IOException, InterruptedException {
        dropCaches();
        registry.resetCounts();
        long start = System.nanoTime();
        pull.run();
        String said = Program.run(root);
        double seconds = (System.nanoTime() - start) / 1e9;
        say("   it says: " + said);
        return new Run(seconds, registry.counts(), said);
    }

    private static double warm(Path root) throws IOException, InterruptedException {
        dropCaches();
        long start = System.nanoTime();
        double bytes = read(root);
        return bytes / 1e6 / ((System.nanoTime() - start) / 1e9);
    }

    private static double read(Path root) throws IOException, InterruptedException {
        String jdk = root.resolve("opt/jdk").toString();
        String bytes = Shell.run("sh", "-c", "find \"$0\" -type f -print0 | xargs -0 cat | wc -c", jdk);
        return Double.parseDouble(bytes.strip());
    }

    private static void dropCaches() throws IOException, InterruptedException {
        Shell.run("sync");
        Files.writeString(Path.of("/proc/sys/vm/drop_caches"), "3");
    }

    private static Table table(Run full, Run lazy, double fullWarm, double lazyWarm) {
        Table table = new Table("", "full pull", "lazy mount", "lazy / full");
        row(table, "seconds until the program has said hello", full.seconds(), lazy.seconds(), "%.2f");
        row(
                table,
                "MB over the link",
                full.counts().bytes() / 1e6,
                lazy.counts().bytes() / 1e6,
                "%.1f");
        row(
                table,
                "requests",
                (double) full.counts().requests(),
                (double) lazy.counts().requests(),
                "%.0f");
        row(table, "MB/s, all of the JDK, everything local", fullWarm, lazyWarm, "%.0f");
        return table;
    }

    private static void row(Table table, String name, double full, double lazy, String format) {
        table.row(
                name,
                String.format(Locale.ROOT, format, full),
                String.format(Locale.ROOT, format, lazy),
                String.format(Locale.ROOT, "%.2f", lazy / full));
    }

    private static void say(String line) {
        System.out.println(line);
    }
}
