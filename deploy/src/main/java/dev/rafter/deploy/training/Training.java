package dev.rafter.deploy.training;

import dev.rafter.deploy.harness.Rafter;
import dev.rafter.deploy.harness.Shell;
import dev.rafter.mount.Rehearsal;
import dev.rafter.oci.Descriptor;
import dev.rafter.oci.Digest;
import dev.rafter.oci.Manifest;
import dev.rafter.oci.MediaTypes;
import dev.rafter.registry.ImageReference;
import dev.rafter.registry.ImageTarget;
import dev.rafter.registry.Images;
import dev.rafter.registry.RegistryOptions;
import dev.rafter.registry.embedded.EmbeddedRegistry;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * What the JVM's caches are made from; the launcher starts both processes in the way that makes the JVM write down what it loaded and what
 * its methods did. Here some commands run, above all conversions. In a process of its own one short life of a daemon: it starts, is asked
 * by HTTP and by gRPC, mounts a small image, serves its reads, and stops. Before that, the image is made that every daemon rehearses with.
 */
public final class Training {
    private static final int FILES = 4;
    private static final int FILE_BYTES = 1 << 20;
    private static final Duration LONGEST_REHEARSAL = Duration.ofSeconds(30);

    private Training() {}

    public static void main(String[] args) throws IOException, InterruptedException {
        Rehearsal.prepare(Path.of(System.getProperty("rafter.rehearsal")));
        Path work = Files.createTempDirectory(Path.of("/var/tmp"), "rafter-training");
        Rafter rafter = Rafter.in(work.resolve("node"));
        try (EmbeddedRegistry registry = EmbeddedRegistry.start(EmbeddedRegistry.Options.inMemory())) {
            String image = registry.directHost() + "/training:1";
            push(image, layer(work));
            rafter.command("convert", image, image + "-rafs");
            convert(rafter, work);
            rafter.command("start");
            awaitRehearsal(rafter);
            live(rafter, image + "-rafs", work.resolve("mounted"));
        } finally {
            rafter.close();
            Shell.deleteTree(work);
        }
    }

    private static void convert(Rafter rafter, Path work) throws IOException, InterruptedException {
        Path archive = TrainingArchive.write(work);
        String converted = "oci:" + work.resolve("converted");
        rafter.command("convert", "docker-archive:" + archive, converted);
        rafter.command("inspect", converted);
        rafter.command("check", converted);
    }

    /** What it loads is to be in the cache too, and it is left out when something is mounted before. Without it the cache is of use too. */
    private static void awaitRehearsal(Rafter rafter) throws IOException, InterruptedException {
        Path log = rafter.run().resolve("daemon.log");
        long deadline = System.nanoTime() + LONGEST_REHEARSAL.toNanos();
        while (!Files.readString(log).contains(" rehearsed in ") && System.nanoTime() < deadline) {
            Thread.sleep(50);
        }
    }

    private static void live(Rafter rafter, String image, Path mounted) throws IOException, InterruptedException {
        rafter.command("mount", image, mounted.toString());
        for (int i = 0; i < FILES; i++) {
            Files.readAllBytes(mounted.resolve("file" + i));
        }
        if (Shell.has("curl")) {
            ask(rafter, "metrics");
            ask(
                    rafter,
                    "containerd.services.snapshots.v1.Snapshots/List",
                    "--http2-prior-knowledge",
                    "--header",
                    "content-type: application/grpc",
                    "--header",
                    "te: trailers",
                    // A message that is not compressed, of no bytes.
                    "--data-binary",
                    "@" + Files.write(rafter.run().resolve("empty"), new byte[5]));
        }
        rafter.command("umount", mounted.toString());
    }

    private static void ask(Rafter rafter, String path, String... options) throws IOException, InterruptedException {
        String socket = options.length == 0 ? "rafter.sock" : "snapshotter.sock";
        List<String> command = new ArrayList<>(List.of("curl", "--silent", "--max-time", "10", "--output"));
        command.addAll(List.of(
                "/dev/null", "--unix-socket", rafter.run().resolve(socket).toString()));
        command.addAll(List.of(options));
        command.add("http://localhost/" + path);
        Shell.run(command.toArray(String[]::new));
    }

    private static byte[] layer(Path work) throws IOException, InterruptedException {
        Path root = Files.createDirectories(work.resolve("layer"));
        Random random = new Random(1);
        for (int i = 0; i < FILES; i++) {
            byte[] bytes = new byte[FILE_BYTES];
            random.nextBytes(bytes);
            Files.write(root.resolve("file" + i), bytes);
        }
        Path tar = work.resolve("layer.tar");
        Shell.run("tar", "--create", "--file=" + tar, "--directory=" + root, ".");
        return Files.readAllBytes(tar);
    }

    private static void push(String reference, byte[] layer) throws IOException {
        byte[] config = ("{\"architecture\":\"" + architecture()
                        + "\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" + Digest.sha256(layer)
                        + "\"]}}")
                .getBytes(StandardCharsets.UTF_8);
        Descriptor layerBlob = descriptor(MediaTypes.OCI_LAYER, layer);
        Descriptor configBlob = descriptor(MediaTypes.OCI_CONFIG, config);
        Manifest manifest = new Manifest(MediaTypes.OCI_MANIFEST, configBlob, List.of(layerBlob));
        try (Images images = new Images(RegistryOptions.DEFAULTS);
                ImageTarget target = images.target(ImageReference.parse(reference))) {
            target.putBlob(layerBlob, () -> new ByteArrayInputStream(layer));
            target.putBlob(configBlob, () -> new ByteArrayInputStream(config));
            target.putManifest(MediaTypes.OCI_MANIFEST, manifest.toJson(), true);
        }
    }

    private static String architecture() {
        return System.getProperty("os.arch").equals("aarch64") ? "arm64" : "amd64";
    }

    private static Descriptor descriptor(String mediaType, byte[] bytes) {
        return new Descriptor(mediaType, Digest.sha256(bytes), bytes.length);
    }
}
