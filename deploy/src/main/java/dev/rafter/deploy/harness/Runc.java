package dev.rafter.deploy.harness;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Bundles for runc: a root file system, a command, a network of its own with loopback alone, and containerd's capabilities. */
public final class Runc {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final List<String> CAPABILITIES = List.of(
            "CAP_CHOWN",
            "CAP_DAC_OVERRIDE",
            "CAP_FSETID",
            "CAP_FOWNER",
            "CAP_MKNOD",
            "CAP_NET_RAW",
            "CAP_SETGID",
            "CAP_SETUID",
            "CAP_SETFCAP",
            "CAP_SETPCAP",
            "CAP_NET_BIND_SERVICE",
            "CAP_SYS_CHROOT",
            "CAP_KILL",
            "CAP_AUDIT_WRITE");

    private Runc() {}

    /** Writes the bundle's config.json: runs {@code arguments} with {@code environment} in {@code rootfs}. */
    public static void writeBundle(Path bundle, Path rootfs, List<String> arguments, List<String> environment)
            throws IOException, InterruptedException {
        Files.createDirectories(bundle);
        Path file = bundle.resolve("config.json");
        Files.deleteIfExists(file);
        Shell.run("runc", "spec", "--bundle", bundle.toString());
        ObjectNode config = (ObjectNode) JSON.readTree(file.toFile());
        config.withObject("/root").put("path", rootfs.toString()).put("readonly", false);
        ObjectNode process = config.withObject("/process").put("terminal", false);
        process.set("args", JSON.valueToTree(arguments));
        process.set("env", JSON.valueToTree(environment));
        ArrayNode capabilities = JSON.valueToTree(CAPABILITIES);
        ObjectNode sets = process.putObject("capabilities");
        for (String set : List.of("bounding", "effective", "permitted")) {
            sets.set(set, capabilities);
        }
        JSON.writeValue(file.toFile(), config);
    }
}
