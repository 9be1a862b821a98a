package dev.rafter.deploy.harness;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** umoci, the judge of what an image's layers are when they are unpacked. */
public final class Umoci {
    private Umoci() {}

    /**
     * Pulls an image from a registry in plain HTTP and unpacks it below a folder.
     *
     * @return the root of the unpacked tree
     */
    public static Path unpack(String reference, Path folder) throws IOException, InterruptedException {
        Files.createDirectories(folder);
        Path layout = folder.resolve("oci");
        Path bundle = folder.resolve("bundle");
        Shell.run(
                "skopeo",
                "copy",
                "--quiet",
                "--src-tls-verify=false",
                "docker://" + reference,
                "oci:" + layout + ":image");
        Shell.run("umoci", "unpack", "--image", layout + ":image", bundle.toString());
        Shell.deleteTree(layout);
        return bundle.resolve("rootfs");
    }
}
