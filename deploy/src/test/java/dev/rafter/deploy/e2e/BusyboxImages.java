package dev.rafter.deploy.e2e;

import dev.rafter.deploy.harness.Shell;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Small images of Debian's static busybox, made without a network and pushed to a registry. */
final class BusyboxImages {
    private final Path folder;
    private final String registry;

    BusyboxImages(Path folder, String registry) {
        this.folder = folder;
        this.registry = registry;
    }

    /** What they are made with. */
    static boolean canBeMade() {
        return Shell.has("busybox", "umoci", "skopeo", "tar");
    }

    /** Text that hardly compresses, so that it takes several chunks, and bytes on the wire can be told. */
    static String noise(int bytes) {
        byte[] random = new byte[bytes / 2];
        new Random(7).nextBytes(random);
        return HexFormat.of().formatHex(random);
    }

    /** A layer with busybox and its shell. The same bytes each time. */
    private Path base() throws IOException, InterruptedException {
        Path root = folder.resolve("base");
        if (!Files.exists(root)) {
            Files.createDirectories(root.resolve("bin"));
            Files.copy(Path.of("/bin/busybox"), root.resolve("bin/busybox"));
            for (String applet : List.of("sh", "cat", "sleep", "ls", "id", "dd", "md5sum")) {
                Files.createSymbolicLink(root.resolve("bin/" + applet), Path.of("busybox"));
            }
            Files.createDirectories(root.resolve("tmp"));
            Files.createDirectories(root.resolve("etc"));
            Files.writeString(root.resolve("etc/passwd"), "root:x:0:0:root:/:/bin/sh\n");
        }
        return root;
    }

    /**
     * Pushes an image with the base layer and one layer for each map of files.
     *
     * @param name repository and tag, "app:1"
     * @param layers path to content
     * @return its reference
     */
    @SafeVarargs
    final String push(String name, Map<String, String>... layers) throws IOException, InterruptedException {
        return push(name, List.of(), layers);
    }

    /**
     * The same with more layers on top.
     *
     * @param tars of those, the lowest first
     */
    @SafeVarargs
    final String push(String name, List<Path> tars, Map<String, String>... layers)
            throws IOException, InterruptedException {
        Path work = Files.createTempDirectory(Files.createDirectories(folder), "image");
        String image = work.resolve("oci") + ":image";
        Shell.run("umoci", "init", "--layout", work.resolve("oci").toString());
        Shell.run("umoci", "new", "--image", image);
        addLayer(image, work, base());
        for (Map<String, String> layer : layers) {
            Path root = Files.createTempDirectory(work, "layer");
            for (Map.Entry<String, String> file : layer.entrySet()) {
                Path path = root.resolve(file.getKey());
                Files.createDirectories(path.getParent());
                Files.writeString(path, file.getValue());
            }
            addLayer(image, work, root);
        }
        for (Path tar : tars) {
            Shell.run("umoci", "raw", "add-layer", "--image", image, tar.toString());
        }
        Shell.run("umoci", "config", "--image", image, "--config.cmd", "/bin/sleep", "--config.cmd", "infinity");
        String reference = registry + "/" + name;
        Shell.run("skopeo", "copy", "--quiet", "--dest-tls-verify=false", "oci:" + image, "docker://" + reference);
        Shell.deleteTree(work);
        return reference;
    }

    private static void addLayer(String image, Path work, Path root) throws IOException, InterruptedException {
        Path tar = work.resolve("layer.tar");
        Shell.run(
                "tar",
                "--create",
                "--sort=name",
                "--mtime=@1700000000",
                "--owner=0",
                "--group=0",
                "--numeric-owner",
                "--mode=u=rwX,go=rX",
                "--file=" + tar,
                "--directory=" + root,
                ".");
        Shell.run("umoci", "raw", "add-layer", "--image", image, tar.toString());
    }
}
