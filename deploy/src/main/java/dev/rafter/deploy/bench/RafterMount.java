package dev.rafter.deploy.bench;

import dev.rafter.deploy.harness.Rafter;
import dev.rafter.deploy.harness.Runc;
import dev.rafter.deploy.harness.Shell;
import dev.rafter.registry.embedded.Link;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** {@code rafter mount} of the converted image, overlayfs over it, and runc. The daemon runs already, as containerd does. */
final class RafterMount implements Comparator {
    private static final AtomicInteger CONTAINERS = new AtomicInteger();
    private static final List<String> ENVIRONMENT =
            List.of("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "READY_PATH=/", "ONESHOT=1");

    private final Path folder;
    private final Rafter rafter;
    private final Path image;
    private final Path rootfs;

    RafterMount(Path folder) {
        this.folder = folder;
        rafter = Rafter.in(folder.resolve("node"));
        image = folder.resolve("image");
        rootfs = folder.resolve("rootfs");
    }

    @Override
    public String name() {
        return "rafter";
    }

    @Override
    public void reset(Link link) throws IOException, InterruptedException {
        close();
        for (Path needed : List.of(image, rootfs, folder.resolve("upper"), folder.resolve("work"))) {
            Files.createDirectories(needed);
        }
        Runc.writeBundle(folder.resolve("bundle"), rootfs, List.of("/app/run"), ENVIRONMENT);
        rafter.command("start");
    }

    @Override
    public Ready start(BenchImage benchImage, Link link) throws IOException, InterruptedException {
        rafter.command("mount", benchImage.rafsReference(link.host()), image.toString());
        Shell.run(
                "mount",
                "-t",
                "overlay",
                "overlay",
                "-o",
                "lowerdir=" + image + ",upperdir=" + folder.resolve("upper") + ",workdir=" + folder.resolve("work"),
                rootfs.toString());
        String id = "rafter-bench-" + ProcessHandle.current().pid() + "-" + CONTAINERS.incrementAndGet();
        return ReadyLine.await(
                link,
                new ProcessBuilder(
                        "runc", "run", "--bundle", folder.resolve("bundle").toString(), id));
    }

    @Override
    public void close() throws IOException {
        if (Files.exists(folder)) {
            unmount(rootfs);
            rafter.close();
            Shell.deleteTree(folder);
        }
    }

    private static void unmount(Path target) throws IOException {
        try {
            Shell.tryRun(Duration.ofSeconds(20), "umount", "--quiet", target.toString());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while unmounting " + target, e);
        }
    }
}
