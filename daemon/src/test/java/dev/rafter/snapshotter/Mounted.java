package dev.rafter.snapshotter;

import dev.rafter.snapshotter.proto.Mount;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/** A snapshot's mounts, really mounted on a folder of their own; gone again when closed. */
final class Mounted implements AutoCloseable {
    private final Path folder;

    private Mounted(Path folder) {
        this.folder = folder;
    }

    static Mounted of(List<Mount> mounts) throws IOException {
        Mounted mounted = new Mounted(Files.createTempDirectory("rafter-mount"));
        for (Mount mount : mounts) {
            mounted.mount(mount);
        }
        return mounted;
    }

    Path path(String name) {
        return folder.resolve(name);
    }

    Path root() {
        return folder;
    }

    /** As containerd does, with lower folders relative to what they have in common: mount(2) takes one page of options. */
    private void mount(Mount mount) throws IOException {
        Path from = Path.of("/");
        List<String> options = new ArrayList<>();
        for (String option : mount.getOptionsList()) {
            if (option.startsWith("lowerdir=")) {
                List<Path> lowers = List.of(option.substring(9).split(":")).stream()
                        .map(Path::of)
                        .toList();
                Path base = lowers.getFirst().resolve("../..").normalize();
                from = base;
                options.add("lowerdir="
                        + lowers.stream()
                                .map(lower -> lower.startsWith(base) ? base.relativize(lower) : lower)
                                .map(Path::toString)
                                .collect(Collectors.joining(":")));
            } else {
                options.add(option);
            }
        }
        run(
                from,
                "mount",
                "-t",
                mount.getType(),
                "-o",
                String.join(",", options),
                mount.getSource(),
                folder.toString());
    }

    static void run(Path directory, String... command) throws IOException {
        Process process = new ProcessBuilder(command)
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .start();
        try {
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (!process.waitFor(30, TimeUnit.SECONDS) || process.exitValue() != 0) {
                process.destroyForcibly();
                throw new IOException(String.join(" ", command) + ": " + output);
            }
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    @Override
    public void close() {
        try {
            run(Path.of("/"), "umount", "--lazy", folder.toString());
            Files.delete(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
