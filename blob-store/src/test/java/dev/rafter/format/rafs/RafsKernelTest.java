package dev.rafter.format.rafs;

import static java.nio.file.StandardOpenOption.CREATE_NEW;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.rafter.digest.DigestAlgorithm;
import dev.rafter.format.FileNode;
import dev.rafter.format.FileNode.ChunkRef;
import dev.rafter.format.FileNode.Contents;
import dev.rafter.format.FileType;
import dev.rafter.format.Inode;
import dev.rafter.testkit.Commands;
import dev.rafter.testkit.DirectoryTree;
import dev.rafter.testkit.ExpectedTree;
import dev.rafter.testkit.ImageTree;
import dev.rafter.testkit.MountedImage;
import dev.rafter.testkit.Tree;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The kernel mounts bootstraps over decoded devices, those of the reference tools and our own, and shows the tree that it should. */
@Timeout(120)
class RafsKernelTest {
    @TempDir
    Path temporary;

    @ParameterizedTest
    @ValueSource(strings = {"rafs6-zstd", "rafs6-batch", "rafs6-chunk64k", "rafs6-dict"})
    void mountsWhatTheReferenceToolsWrite(String name) throws IOException {
        RafsFixture fixture = RafsFixture.open(name);
        MemorySegment bytes = RafsFixture.offHeap(fixture.bootstrap());
        RafsBootstrap bootstrap = RafsBootstrap.parse(bytes, name);
        List<MemorySegment> devices = DecodedDevice.all(bootstrap, fixture);
        Tree.assertSame(ExpectedTree.of(name), mounted(bytes, bootstrap, devices));
    }

    @ParameterizedTest
    @CsvSource({"ZSTD, SHA256, 1048576", "LZ4_BLOCK, BLAKE3, 4096"})
    void mountsWhatWeWrite(Compressor compressor, DigestAlgorithm digest, int chunkSize) throws IOException {
        RafsFixture fixture = RafsFixture.open("rafs6-zstd");
        RafsBootstrap source = RafsBootstrap.parse(RafsFixture.offHeap(fixture.bootstrap()), "source");
        TestImage image = new TestImage(compressor, digest, chunkSize);
        FileNode root = image.copy(source, DecodedDevice.all(source, fixture));
        root.children().firstEntry().getValue().mtime(-3, 123_456_789);
        MemorySegment bytes = image.writeBootstrap(root, List.of());
        RafsBootstrap ours = RafsBootstrap.parse(bytes, "ours");
        List<MemorySegment> devices = image.devices(ours);
        Tree.assertSame(ImageTree.of(ours.filesystem(), devices), mounted(bytes, ours, devices));
        assertFsckIsContent();
    }

    /** The number of a chunk shares its bits with the device: the kernel must not see those over 2^16. */
    @Test
    void chunkNumbersOver16BitsDoNotHideTheDevice() throws IOException {
        int count = 70_000;
        RafsBlobWriter writer = new RafsBlobWriter(
                Channels.newChannel(OutputStream.nullOutputStream()),
                new RafsBlobWriter.Options(4096, Compressor.ZSTD, DigestAlgorithm.SHA256),
                (_, _) -> Optional.empty());
        for (int i = 0; i < count; i++) {
            byte[] digest = new byte[32];
            ByteBuffer.wrap(digest).putInt(i);
            writer.addChunk(digest, 4096, ByteBuffer.allocate(1));
        }
        writer.finishData(false);
        RafsBlobWriter.Written blob = writer.finish(Optional.empty());
        List<ChunkRef> chunks = List.of(ref(blob, count - 1), ref(blob, 3), ref(blob, 66_000));
        FileNode root = new FileNode(FileType.DIRECTORY, 0755);
        root.children()
                .put("file", new FileNode(FileType.REGULAR, 0644).contents(new Contents.Chunks(3 * 4096, chunks)));
        MemorySegment bytes = TestImage.bootstrap(
                root,
                List.of(blob),
                new RafsBootstrapWriter.Options(4096, Compressor.ZSTD, DigestAlgorithm.SHA256, List.of()));
        RafsBootstrap bootstrap = RafsBootstrap.parse(bytes, "ours");
        bootstrap.validate();
        Inode file = bootstrap
                .filesystem()
                .inode(bootstrap
                        .filesystem()
                        .directory(bootstrap.filesystem().root())
                        .getFirst()
                        .inodeNumber());
        assertEquals(chunks, bootstrap.fileChunks(file));
        Path device = temporary.resolve("device0");
        try (FileChannel sparse = FileChannel.open(device, CREATE_NEW, WRITE)) {
            for (ChunkRef chunk : chunks) {
                byte[] marked = new byte[4096];
                Arrays.fill(marked, (byte) chunk.index());
                sparse.write(ByteBuffer.wrap(marked), chunk.deviceOffset());
            }
        }
        try (MountedImage mount = new MountedImage(write("bootstrap", bytes, bytes.byteSize()), List.of(device))) {
            byte[] read = Files.readAllBytes(mount.directory().resolve("file"));
            assertEquals(3 * 4096, read.length);
            for (int i = 0; i < read.length; i++) {
                assertEquals((byte) chunks.get(i / 4096).index(), read[i]);
            }
        }
    }

    private static ChunkRef ref(RafsBlobWriter.Written blob, int number) {
        return new ChunkRef(
                1, number, blob.chunks().deviceOffset(number), blob.chunks().sizeBytes(number));
    }

    private Tree mounted(MemorySegment bytes, RafsBootstrap bootstrap, List<MemorySegment> devices) throws IOException {
        Path image = write("bootstrap", bytes, bytes.byteSize());
        List<Path> files = new ArrayList<>();
        for (RafsBlob blob : bootstrap.blobs()) {
            files.add(write("device" + blob.index(), devices.get(blob.index()), blob.deviceSizeBytes()));
        }
        try (MountedImage mount = new MountedImage(image, files)) {
            return DirectoryTree.of(mount.directory());
        }
    }

    private Path write(String name, MemorySegment bytes, long size) throws IOException {
        Path file = Files.write(temporary.resolve(name), bytes.toArray(ValueLayout.JAVA_BYTE));
        assertEquals(size, Files.size(file));
        return file;
    }

    private void assertFsckIsContent() {
        Commands.assumePresent("fsck.erofs");
        List<String> command = new ArrayList<>(List.of("fsck.erofs"));
        for (int i = 0; Files.exists(temporary.resolve("device" + i)); i++) {
            command.add("--device=" + temporary.resolve("device" + i));
        }
        command.add(temporary.resolve("bootstrap").toString());
        Commands.run(command);
    }
}
