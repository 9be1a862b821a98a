package dev.rafter.deploy.e2e;

import dev.rafter.deploy.harness.Shell;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
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
    private static final Path CACHE = Path.of(
            Optional.ofNullable(System.getenv("XDG_CACHE_HOME")).orElse(System.getProperty("user.home") + "/.cache"),
            "rafter");
    private static final String PREFIX = "containerd-";
    private static final List<String> BINARIES = List.of("containerd", "ctr", "containerd-shim-runc-v2");

    static Stream<ContainerdVersion> all() throws IOException, InterruptedException {
        return Stream.of(debian(), newer());
    }

    /** Those, and what else somebody has put into the cache folder: {@code containerd-1.7.28}, with all binaries in it. */
    static Stream<ContainerdVersion> everyOneHere() throws IOException, InterruptedException {
        List<ContainerdVersion> all = new ArrayList<>(all().toList());
        Files.createDirectories(CACHE);
        try (DirectoryStream<Path> folders = Files.newDirectoryStream(CACHE, PREFIX + "*")) {
            for (Path folder : folders) {
                String version = folder.getFileName().toString().substring(PREFIX.length());
                if (!version.equals(NEWER) && hasAll(folder)) {
                    all.add(new ContainerdVersion(version, folder, true, "", snippet(version)));
                }
            }
        }
        return all.stream();
    }

    private static String snippet(String version) {
        return Stream.of("1.6", "1.7", "2.0")
                .filter(version::startsWith)
                .findFirst()
                .map(own -> "containerd-" + own + ".toml")
                .orElse("containerd-2.1.toml");
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
        Path cache = CACHE.resolve(PREFIX + NEWER);
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
