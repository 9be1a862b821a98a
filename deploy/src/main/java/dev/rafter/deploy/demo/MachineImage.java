package dev.rafter.deploy.demo;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.rafter.deploy.harness.Shell;
import dev.rafter.oci.Digest;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.zip.GZIPInputStream;

/**
 * An image made from this machine, as an OCI layout directory: a layer of Debian's essential packages with all that they depend on, a
 * layer with the JDK that runs this, and a layer with a small program.
 */
final class MachineImage {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String PROGRAM = """
            /** Says hello. */
            public final class Hello {
                public static void main(String[] args) {
                    System.out.println("hello from Java " + Runtime.version().feature() + " in " + args[0]);
                }
            }
            """;

    private final Path layout;
    private final Path blobs;
    private final List<Map<String, Object>> layers = new ArrayList<>();
    private final List<String> diffIds = new ArrayList<>();

    private MachineImage(Path layout) throws IOException {
        this.layout = layout;
        blobs = Files.createDirectories(layout.resolve("blobs/sha256"));
    }

    /** The command that runs the program in the image's root; the argument says where it runs. */
    static List<String> command(String where) {
        return List.of("/opt/jdk/bin/java", "-XX:-UsePerfData", "-cp", "/app", "Hello", where);
    }

    /** Makes the image in a folder of its own, with the tag "demo". */
    static void make(Path layout) throws IOException, InterruptedException {
        MachineImage image = new MachineImage(layout);
        Path stage = Files.createDirectories(layout.resolveSibling("stage"));
        image.layer("--directory=/", "--no-recursion", "--files-from=" + image.essentialFiles(stage));
        Path jdk = Path.of(System.getProperty("java.home"));
        image.layer("--directory=" + jdk, "--exclude=./lib/src.zip", "--transform=flags=r;s,^\\.,opt/jdk,", ".");
        image.layer("--directory=" + program(stage, jdk), "app", "proc", "tmp");
        image.finish();
    }

    private static Path program(Path stage, Path jdk) throws IOException, InterruptedException {
        Path root = Files.createDirectories(stage.resolve("program"));
        Path app = Files.createDirectories(root.resolve("app"));
        Files.createDirectories(root.resolve("proc"));
        Files.createDirectories(root.resolve("tmp"));
        Path source = stage.resolve("Hello.java");
        Files.writeString(source, PROGRAM);
        Shell.run(jdk.resolve("bin/javac").toString(), "-d", app.toString(), source.toString());
        return root;
    }

    /** Writes the list of the essential packages' files, each under its real path. */
    private Path essentialFiles(Path stage) throws IOException, InterruptedException {
        Collection<String> packages = essentialPackages();
        List<String> command = new ArrayList<>(List.of("dpkg-query", "--listfiles"));
        command.addAll(packages);
        TreeSet<String> files = new TreeSet<>(List.of("bin", "sbin", "lib", "lib64"));
        for (String line : Shell.run(command.toArray(String[]::new)).split("\n", -1)) {
            Path file = Path.of(line.startsWith("/") ? line : "/");
            if (Files.exists(file, LinkOption.NOFOLLOW_LINKS) && file.getParent() != null) {
                files.add(file.getParent()
                        .toRealPath()
                        .resolve(file.getFileName())
                        .toString()
                        .substring(1));
            }
        }
        files.removeIf(file -> !Files.exists(Path.of("/" + file), LinkOption.NOFOLLOW_LINKS));
        return Files.writeString(stage.resolve("files"), String.join("\n", files) + "\n");
    }

    private static Collection<String> essentialPackages() throws IOException, InterruptedException {
        Map<String, List<String>> needs = new LinkedHashMap<>();
        List<String> open = new ArrayList<>(List.of("libc6", "zlib1g"));
        String format = "${Essential}\t${Package}\t${Pre-Depends}, ${Depends}\n";
        for (String line :
                Shell.run("dpkg-query", "--show", "--showformat=" + format).split("\n", -1)) {
            String[] fields = line.split("\t", -1);
            if (fields.length == 3) {
                needs.put(fields[1], names(fields[2]));
                if (fields[0].equals("yes")) {
                    open.add(fields[1]);
                }
            }
        }
        TreeSet<String> wanted = new TreeSet<>();
        while (!open.isEmpty()) {
            String next = open.removeLast();
            if (needs.containsKey(next) && wanted.add(next)) {
                open.addAll(needs.getOrDefault(next, List.of()));
            }
        }
        return wanted;
    }

    /** The package names of a dependency field; of alternatives all, those that are not installed drop out later. */
    private static List<String> names(String dependencies) {
        return Arrays.stream(dependencies.split("[,|]", -1))
                .map(dependency -> dependency.strip().split("[ :(]", 2)[0])
                .filter(name -> !name.isEmpty())
                .toList();
    }

    private void layer(String... tarArguments) throws IOException, InterruptedException {
        Path file = layout.resolve("layer.tar.gz");
        List<String> command = new ArrayList<>(
                List.of("tar", "--create", "--use-compress-program=gzip -1", "--numeric-owner", "--file=" + file));
        command.addAll(List.of(tarArguments));
        Shell.tryRun(Duration.ofMinutes(5), command.toArray(String[]::new)).orThrow();
        try (InputStream stored = Files.newInputStream(file);
                InputStream decoded = new GZIPInputStream(Files.newInputStream(file), 1 << 16)) {
            Digest digest = digest(stored);
            diffIds.add(digest(decoded).toString());
            layers.add(descriptor("application/vnd.oci.image.layer.v1.tar+gzip", digest, Files.size(file)));
            Files.move(file, blobs.resolve(digest.hex()));
        }
    }

    private void finish() throws IOException {
        Map<String, Object> config = document(Map.of(
                "architecture",
                System.getProperty("os.arch").equals("aarch64") ? "arm64" : "amd64",
                "os",
                "linux",
                "config",
                Map.of("Cmd", command("a container")),
                "rootfs",
                Map.of("type", "layers", "diff_ids", diffIds)));
        config.put("mediaType", "application/vnd.oci.image.config.v1+json");
        Map<String, Object> manifest = document(Map.of(
                "schemaVersion",
                2,
                "mediaType",
                "application/vnd.oci.image.manifest.v1+json",
                "config",
                config,
                "layers",
                layers));
        manifest.put("mediaType", "application/vnd.oci.image.manifest.v1+json");
        manifest.put("annotations", Map.of("org.opencontainers.image.ref.name", "demo"));
        JSON.writeValue(
                layout.resolve("index.json").toFile(), Map.of("schemaVersion", 2, "manifests", List.of(manifest)));
        Files.writeString(layout.resolve("oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}");
    }

    /** Stores a document; gives its descriptor without a media type. */
    private Map<String, Object> document(Map<String, Object> content) throws IOException {
        byte[] bytes = JSON.writeValueAsString(content).getBytes(StandardCharsets.UTF_8);
        Digest digest = Digest.sha256(bytes);
        Files.write(blobs.resolve(digest.hex()), bytes);
        return descriptor("", digest, bytes.length);
    }

    private static Map<String, Object> descriptor(String mediaType, Digest digest, long size) {
        Map<String, Object> descriptor = new LinkedHashMap<>();
        descriptor.put("mediaType", mediaType);
        descriptor.put("digest", digest.toString());
        descriptor.put("size", size);
        return descriptor;
    }

    private static Digest digest(InputStream bytes) throws IOException {
        MessageDigest hash = Digest.sha256(new byte[0]).newMessageDigest();
        byte[] buffer = new byte[1 << 16];
        for (int n = bytes.read(buffer); n >= 0; n = bytes.read(buffer)) {
            hash.update(buffer, 0, n);
        }
        return Digest.ofHash("sha256", hash.digest());
    }
}
