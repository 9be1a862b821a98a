package dev.rafter.mount;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.cli.CommandResult;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Image files with their devices, mounted without a registry: {@code erofs:FILE[,DEVICE...]}. */
@Timeout(120)
class ErofsFileMountTest {
    private static final Pattern DEVICE = Pattern.compile("device \\d+  blob sha256:([0-9a-f]{64})");

    private TestNode node;
    private Path target;

    @BeforeEach
    void create() throws IOException {
        node = TestNode.create();
        target = node.folder().resolve("mnt");
    }

    @AfterEach
    void remove() throws IOException {
        if (node != null) {
            node.close();
        }
    }

    private Path unpacked(String name, Path to) throws IOException {
        try (InputStream in = new GZIPInputStream(
                Files.newInputStream(TestNode.FIXTURES.resolve("erofs").resolve(name + ".gz")))) {
            Files.copy(in, to);
        }
        return to;
    }

    private void assertMounts(String image, String fixture) throws IOException {
        node.must("mount", image, target.toString());
        assertEquals(List.of(), new ExpectedTree(TestNode.FIXTURES, fixture).compare(target));
        assertTrue(
                node.rafter("mounts").out().contains("\tcomplete\t"),
                node.rafter("mounts").out());
        node.must("umount", target.toString());
    }

    @Test
    void aFileAlone() throws IOException {
        assertMounts("erofs:" + unpacked("plain.erofs", node.folder().resolve("image.erofs")), "erofs/plain");
    }

    /** Their names may be as long as names can be, in directories too deep for fsconfig(2). */
    @Test
    void aFileWithADeviceOfLongNames() throws IOException {
        Path deep = Files.createDirectories(node.folder().resolve("d".repeat(250)));
        Path image = unpacked("chunk-blobdev.erofs", deep.resolve("i".repeat(250)));
        Path device = unpacked("chunk-blobdev.blob", deep.resolve("b".repeat(250)));
        assertMounts("erofs:" + image + "," + device, "erofs/chunk-blobdev");
        CommandResult without = node.rafter("mount", "erofs:" + image, target.toString());
        assertEquals(3, without.exitCode(), without::toString);
        assertTrue(without.err().contains("name them, erofs:FILE,"), without.err());
        CommandResult more = node.rafter("mount", "erofs:" + image + "," + device + "," + device, target.toString());
        assertEquals(2, more.exitCode(), more::toString);
        assertTrue(more.err().contains("has 1 devices, but 2 were named"), more.err());
    }

    /** The blobs stay as they are stored in a registry; chunks are decoded and verified when they are read. */
    @Test
    void aRafsBootstrapWithItsBlobs() throws IOException {
        String layout = "oci:" + TestNode.FIXTURES.resolve("rafs6-zstd") + ":fixture";
        node.must("mount", layout, target.toString());
        node.must("umount", target.toString());
        List<String> parts = new ArrayList<>();
        try (DirectoryStream<Path> images = Files.newDirectoryStream(node.root().resolve("images"))) {
            for (Path image : images) {
                parts.add(image.resolve("bootstrap.erofs").toString());
            }
        }
        assertEquals(1, parts.size());
        Matcher devices = DEVICE.matcher(node.rafter("inspect", layout).out());
        while (devices.find()) {
            parts.add(TestNode.FIXTURES
                    .resolve("rafs6-zstd/blobs/sha256")
                    .resolve(devices.group(1))
                    .toString());
        }
        node.must("mount", "erofs:" + String.join(",", parts), target.toString());
        assertEquals(List.of(), new ExpectedTree(TestNode.FIXTURES, "rafs6-zstd").compare(target));
    }

    @Test
    void whatIsThereNotOrNoImageIsSaid() throws IOException {
        CommandResult absent = node.rafter("mount", "erofs:" + node.folder().resolve("absent"), target.toString());
        assertEquals(1, absent.exitCode(), absent::toString);
        assertTrue(absent.err().contains("there is no " + node.folder().resolve("absent")), absent.err());
        Path text = Files.writeString(node.folder().resolve("text"), "no image".repeat(1000));
        CommandResult wrong = node.rafter("mount", "erofs:" + text, target.toString());
        assertEquals(3, wrong.exitCode(), wrong::toString);
        assertTrue(wrong.err().contains(text.toString()), wrong.err());
        Path image = unpacked("chunk-blobdev.erofs", node.folder().resolve("image"));
        CommandResult device = node.rafter("mount", "erofs:" + image + ",/nowhere/device", target.toString());
        assertEquals(1, device.exitCode(), device::toString);
        assertTrue(device.err().contains("/nowhere/device"), device.err());
        Path shorter = Files.write(node.folder().resolve("shorter"), new byte[100]);
        CommandResult cut = node.rafter("mount", "erofs:" + image + "," + shorter, target.toString());
        assertEquals(3, cut.exitCode(), cut::toString);
        assertTrue(cut.err().contains(shorter.toString()), cut.err());
        assertFalse(Files.isDirectory(target.resolve("app")));
    }
}
