package dev.rafter.format.erofs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.rafter.format.FileNode;
import dev.rafter.testkit.Commands;
import dev.rafter.testkit.DirectoryTree;
import dev.rafter.testkit.ExpectedTree;
import dev.rafter.testkit.Fixtures;
import dev.rafter.testkit.ImageTree;
import dev.rafter.testkit.MountedImage;
import dev.rafter.testkit.NodeTree;
import dev.rafter.testkit.RandomTree;
import dev.rafter.testkit.Seeds;
import dev.rafter.testkit.Tree;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The judges of what we write and read: the kernel's EROFS, fsck.erofs, mkfs.erofs. Needs root. */
@Timeout(120)
class KernelTest {
    @TempDir
    Path directory;

    @BeforeEach
    void needsRoot() {
        Commands.assumeRoot();
        Commands.assumePresent("fsck.erofs", "mkfs.erofs", "dump.erofs");
    }

    @ParameterizedTest
    @ValueSource(ints = {9, 10, 12})
    void kernelShowsTheInlineTree(int blockBits) throws IOException {
        long seed = Seeds.seed("kernelShowsTheInlineTree", 200 + blockBits);
        RandomTree tree = RandomTree.inline(seed, 500, 255);
        ErofsOptions options = ErofsOptions.builder()
                .blockBits(blockBits)
                .epoch(1_700_000_000L, 0)
                .build();
        Path image = write(tree.root(), options);
        fsck(image, List.of(), blockBits);
        try (MountedImage mounted = new MountedImage(image, List.of())) {
            Tree.assertSame(NodeTree.of(tree.root(), List.of()), DirectoryTree.of(mounted.directory()));
        }
    }

    @ParameterizedTest
    @CsvSource({"12,4096", "12,65536", "9,512"})
    void kernelShowsTheTreeOfManyDevices(int blockBits, int chunkSize) throws IOException {
        long seed = Seeds.seed("kernelShowsTheTreeOfManyDevices", 300 + blockBits);
        RandomTree tree = RandomTree.chunked(seed, 300, 3, 1 << blockBits, chunkSize);
        List<MemorySegment> contents = tree.devices();
        Path image = write(
                tree.root(),
                ErofsOptions.builder()
                        .blockBits(blockBits)
                        .devices(ErofsWriterTest.devices(contents, blockBits))
                        .build());
        List<Path> devices = writeDevices(contents);
        fsck(image, devices, blockBits);
        try (MountedImage mounted = new MountedImage(image, devices)) {
            Tree.assertSame(NodeTree.of(tree.root(), contents), DirectoryTree.of(mounted.directory()));
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void kernelShowsARafsBootstrap(boolean contiguousFilesAsOneChunk) throws IOException {
        long seed = Seeds.seed("kernelShowsARafsBootstrap", 400);
        RandomTree tree = RandomTree.chunked(seed, 300, 4, 4096, 4096);
        List<MemorySegment> contents = tree.devices();
        ErofsOptions options = ErofsOptions.builder()
                .dialect(Dialect.RAFS_V6)
                .devices(ErofsWriterTest.devices(contents, 12))
                .extensionSize(256)
                .tablesSize(5000)
                .chunkBits(12)
                .contiguousFilesAsOneChunk(contiguousFilesAsOneChunk)
                .build();
        Path file = write(tree.root(), options);
        Tree expected = NodeTree.of(tree.root(), contents);
        ErofsImage image = open(file, Dialect.RAFS_V6);
        Tree.assertSame(expected, ImageTree.of(image, contents));
        try (MountedImage mounted = new MountedImage(file, writeDevices(contents))) {
            Tree.assertSame(expected, DirectoryTree.of(mounted.directory()));
        }
    }

    /** Through the kernel to mkfs.erofs and back: what it writes of our tree, we read. */
    @ParameterizedTest
    @ValueSource(strings = {"", "-x1", "-Eforce-inode-extended", "--chunksize=4096", "-Enoinline_data"})
    void imageOfMkfsHoldsTheTree(String option) throws IOException {
        long seed = Seeds.seed("imageOfMkfsHoldsTheTree", 500);
        // mkfs.erofs 1.5 takes no names of 255 bytes, and no sockets' or links' "user." attributes
        RandomTree tree = RandomTree.inline(seed, 400, 254);
        Path ours = write(tree.root(), ErofsOptions.builder().build());
        Path theirs = directory.resolve("mkfs.erofs");
        try (MountedImage mounted = new MountedImage(ours, List.of())) {
            List<String> command = new ArrayList<>(List.of("mkfs.erofs", "--quiet"));
            if (!option.isEmpty()) {
                command.add(option);
            }
            command.addAll(List.of(theirs.toString(), mounted.directory().toString()));
            Commands.run(command);
        }
        Tree.assertSame(NodeTree.of(tree.root(), List.of()), ImageTree.of(open(theirs, Dialect.EROFS), List.of()));
    }

    @Test
    void kernelAgreesWithTheGoldenTree() throws IOException {
        Path image = directory.resolve("plain.erofs");
        Files.write(image, Fixtures.bytes(Fixtures.root().resolve("erofs/plain.erofs.gz")));
        try (MountedImage mounted = new MountedImage(image, List.of())) {
            Tree.assertSame(ExpectedTree.of("erofs/plain"), DirectoryTree.of(mounted.directory()));
        }
    }

    private Path write(FileNode root, ErofsOptions options) throws IOException {
        Path file = directory.resolve("image.erofs");
        try (FileChannel channel =
                FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.READ)) {
            ErofsWriter.layOut(root, options).write(channel);
        }
        return file;
    }

    private List<Path> writeDevices(List<MemorySegment> contents) throws IOException {
        List<Path> devices = new ArrayList<>();
        for (MemorySegment content : contents) {
            Path device = directory.resolve("device-" + devices.size());
            Files.write(device, content.toArray(java.lang.foreign.ValueLayout.JAVA_BYTE));
            devices.add(device);
        }
        return devices;
    }

    /** The checker of erofs-utils 1.5 takes blocks of 4096 bytes alone. */
    private static void fsck(Path image, List<Path> devices, int blockBits) {
        if (blockBits != ErofsLayout.MAX_BLOCK_BITS) {
            return;
        }
        List<String> command = new ArrayList<>(List.of("fsck.erofs", "--extract"));
        devices.forEach(device -> command.add("--device=" + device));
        command.add(image.toString());
        Commands.Result result = Commands.tryRun(command);
        String report = result.output() + result.errors();
        assertEquals(0, result.status(), report);
        assertFalse(report.contains("<E>"), report);
        if (devices.isEmpty()) {
            Commands.run("dump.erofs", "-s", "-S", image.toString());
        }
    }

    private static ErofsImage open(Path file, Dialect dialect) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        return ErofsImage.open(MemorySegment.ofArray(bytes), file.toString(), ErofsImage.Devices.SEPARATE, dialect);
    }
}
