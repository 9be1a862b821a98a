package dev.rafter.deploy.e2e;

import dev.rafter.deploy.harness.Shell;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A containerd that the end-to-end tests run against.
 *
 * @param name its version
 * @param binaries folder of containerd, ctr and the shim
 * @param isHere whether it is there; if not, {@code missing} says what it takes
 * @param snippet the configuration that we ship for it
 */
record ContainerdVersion(String name, Path binaries, boolean isHere, String missing, String snippet) {
    private static final String NEWER = "2.2.3";
    private static final List<String> BINARIES = List.of("containerd", "ctr", "containerd-shim-runc-v2");

    static Stream<ContainerdVersion> all() throws IOException, InterruptedException {
        return Stream.of(debian(), newer());
    }

    /** Debian's own. */
    static ContainerdVersion debian() {
        boolean there = Shell.has("containerd", "ctr", "containerd-shim-runc-v2", "runc");
        return new ContainerdVersion(
                "1.6",
                Path.of("/usr/bin"),
                there,
                "needs containerd and runc: ./rafter test installs them",
                "containerd-1.6.toml");
    }

    /** One that go builds, unless the variable CONTAINERD22 names a folder that has it; kept in the user's cache folder. */
    static ContainerdVersion newer() throws IOException, InterruptedException {
        Optional<Path> found =
                Optional.ofNullable(System.getenv("CONTAINERD22")).map(Path::of);
        Path cache = Path.of(
                Optional.ofNullable(System.getenv("XDG_CACHE_HOME"))
                        .orElse(System.getProperty("user.home") + "/.cache"),
                "rafter",
                "containerd-" + NEWER);
        if (found.isEmpty() && Shell.has("go") && !hasAll(cache)) {
            build(cache);
        }
        Path folder = found.orElse(cache);
        return new ContainerdVersion(
                NEWER,
                folder,
                hasAll(folder),
                "needs go to build containerd " + NEWER + ", or the variable CONTAINERD22 to name a folder with it",
                "containerd-2.1.toml");
    }

    private static boolean hasAll(Path folder) {
        return BINARIES.stream().allMatch(name -> Files.isExecutable(folder.resolve(name)));
    }

    private static void build(Path folder) throws IOException, InterruptedException {
        Files.createDirectories(folder);
        for (String name : BINARIES) {
            ProcessBuilder install = new ProcessBuilder(
                    "go",
                    "install",
                    "-tags",
                    "no_btrfs",
                    "github.com/containerd/containerd/v2/cmd/" + name + "@v" + NEWER);
            install.environment().put("GOBIN", folder.toString());
            Shell.tryRun(Duration.ofMinutes(15), install).orThrow();
        }
    }

    @Override
    public String toString() {
        return "containerd " + name;
    }
}
