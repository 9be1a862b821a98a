package dev.rafter.format.erofs;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.format.DirectoryEntry;
import dev.rafter.format.FileNode;
import dev.rafter.format.FileNode.Contents;
import dev.rafter.format.FileType;
import dev.rafter.format.Inode;
import dev.rafter.format.UnrepresentableFileException;
import dev.rafter.testkit.ImageTree;
import dev.rafter.testkit.NodeTree;
import dev.rafter.testkit.RandomTree;
import dev.rafter.testkit.Seeds;
import dev.rafter.testkit.Tree;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.Channels;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What we write, read by us. */
@Timeout(60)
class ErofsWriterTest {
    @ParameterizedTest
    @ValueSource(ints = {9, 10, 11, 12})
    void inlineTreeIsReadBack(int blockBits) throws IOException {
        long seed = Seeds.seed("inlineTreeIsReadBack", blockBits);
        RandomTree tree = RandomTree.inline(seed, 400, 255);
        ErofsImage image =
                write(tree.root(), ErofsOptions.builder().blockBits(blockBits).build());
        Tree.assertSame(NodeTree.of(tree.root(), List.of()), ImageTree.of(image, List.of()));
    }

    @ParameterizedTest
    @ValueSource(ints = {9, 12})
    void chunkedTreeIsReadBack(int blockBits) throws IOException {
        long seed = Seeds.seed("chunkedTreeIsReadBack", 100 + blockBits);
        RandomTree tree = RandomTree.chunked(seed, 400, 5, 1 << blockBits, 4096);
        List<MemorySegment> devices = tree.devices();
        ErofsOptions options = ErofsOptions.builder()
                .blockBits(blockBits)
                .devices(devices(devices, blockBits))
                .epoch(1_700_000_000L, 0)
                .build();
        ErofsImage image = write(tree.root(), options);
        assertEquals(5, image.devices().size());
        Tree.assertSame(NodeTree.of(tree.root(), devices), ImageTree.of(image, devices));
    }

    static List<Device> devices(List<MemorySegment> contents, int blockBits) {
        List<Device> devices = new ArrayList<>();
        for (MemorySegment content : contents) {
            devices.add(new Device("device-" + devices.size(), content.byteSize() >>> blockBits, 0));
        }
        return devices;
    }

    @Test
    void channelAndSegmentGetTheSameBytes() throws IOException {
        ErofsWriter writer = ErofsWriter.layOut(
                RandomTree.inline(7, 100, 255).root(), ErofsOptions.builder().build());
        ByteArrayOutputStream streamed = new ByteArrayOutputStream();
        writer.write(Channels.newChannel(streamed));
        byte[] filled = new byte[Math.toIntExact(writer.size())];
        writer.write(MemorySegment.ofArray(filled));
        assertArrayEquals(filled, streamed.toByteArray());
    }

    @Test
    void rootNumberFitsWithManyDevicesAndSharedXattrs() throws IOException {
        FileNode root = directory();
        TreeMap<String, byte[]> big = new TreeMap<>();
        for (int i = 0; i < 60; i++) {
            big.put("user." + i, new byte[60_000]);
        }
        for (int i = 0; i < 3; i++) {
            root.children().put("f" + i, file(10).xattrs(big));
        }
        List<Device> devices = new ArrayList<>();
        for (int i = 0; i < 65535; i++) {
            devices.add(new Device("d", 1, 0));
        }
        ErofsImage image = write(root, ErofsOptions.builder().devices(devices).build());
        assertTrue(image.superblock().rootNid() < 65536);
        assertEquals(
                60,
                image.inode(image.lookup(image.root(), "f2").orElseThrow().inodeNumber())
                        .xattrs()
                        .size());
        image.validate((_, _) -> {});
    }

    @Test
    void crowdedDirectoryIsListedAndSearched() throws IOException {
        FileNode root = directory();
        FileNode one = file(0);
        for (int i = 0; i < 300_000; i++) {
            root.children().put("name-of-entry-" + i, one);
        }
        ErofsImage image = write(root, ErofsOptions.builder().build());
        List<DirectoryEntry> entries = image.directory(image.root());
        assertEquals(300_000, entries.size());
        for (DirectoryEntry entry : List.of(entries.getFirst(), entries.get(123_456), entries.getLast())) {
            assertEquals(entry, image.lookup(image.root(), entry.name()).orElseThrow());
        }
        assertTrue(image.lookup(image.root(), "name-of-entry-300000x").isEmpty());
        assertTrue(image.lookup(image.root(), "").isEmpty());
    }

    @Test
    void compactInodesLoseNothing() throws IOException {
        FileNode root = directory();
        root.children().put("compact", file(5).owner(65535, 65535).mtime(77, 5));
        root.children().put("id", file(5).owner(65536, 0).mtime(77, 5));
        root.children().put("time", file(5).mtime(77, 6));
        ErofsOptions options = ErofsOptions.builder().epoch(77, 5).build();
        ErofsImage image = write(root, options);
        Tree.assertSame(NodeTree.of(root, List.of()), ImageTree.of(image, List.of()));
        assertEquals(32, image.stored(number(image, "compact")).headerSize());
        assertEquals(64, image.stored(number(image, "id")).headerSize());
        assertEquals(64, image.stored(number(image, "time")).headerSize());
    }

    private static long number(ErofsImage image, String name) throws IOException {
        return image.lookup(image.root(), name).orElseThrow().inodeNumber();
    }

    @Test
    void numbersAreKnownBeforeWriting() throws IOException {
        FileNode root = directory();
        FileNode file = file(100);
        root.children().put("file", file);
        ErofsWriter writer = ErofsWriter.layOut(root, ErofsOptions.builder().build());
        byte[] bytes = new byte[Math.toIntExact(writer.size())];
        writer.write(MemorySegment.ofArray(bytes));
        Inode inode = open(bytes).inode(writer.nid(file));
        assertEquals(100, inode.size());
        assertEquals(2, writer.inodeCount());
        assertThrows(IllegalArgumentException.class, () -> writer.nid(directory()));
    }

    @Test
    void whatErofsHasNoPlaceForIsRefusedByPath() {
        FileNode root = directory();
        FileNode sub = directory();
        root.children().put("sub", sub);
        sub.children().put("acl", file(0).xattrs(new TreeMap<>(java.util.Map.of("system.nfs4_acl", new byte[4]))));
        UnrepresentableFileException refused = assertThrows(
                UnrepresentableFileException.class,
                () -> ErofsWriter.layOut(root, ErofsOptions.builder().build()));
        assertEquals("/sub/acl", refused.path());
        assertTrue(refused.problem().contains("system.nfs4_acl"), refused.problem());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ".", "..", "a/b", "a\0"})
    void namesThatAreNoneAreRefused(String name) {
        FileNode root = directory();
        root.children().put(name, file(0));
        assertThrows(
                UnrepresentableFileException.class,
                () -> ErofsWriter.layOut(root, ErofsOptions.builder().build()));
    }

    @Test
    void directoryWithTwoPlacesIsRefused() {
        FileNode root = directory();
        FileNode sub = directory();
        root.children().put("a", sub);
        sub.children().put("cycle", root);
        assertThrows(
                IllegalArgumentException.class,
                () -> ErofsWriter.layOut(root, ErofsOptions.builder().build()));
    }

    private static FileNode directory() {
        return new FileNode(FileType.DIRECTORY, 0755);
    }

    private static FileNode file(int size) {
        return new FileNode(FileType.REGULAR, 0644).contents(new Contents.Inline(new byte[size]));
    }

    private static ErofsImage write(FileNode root, ErofsOptions options) throws IOException {
        ErofsWriter writer = ErofsWriter.layOut(root, options);
        byte[] bytes = new byte[Math.toIntExact(writer.size())];
        writer.write(MemorySegment.ofArray(bytes));
        return open(bytes);
    }

    private static ErofsImage open(byte[] bytes) throws IOException {
        return ErofsImage.open(MemorySegment.ofArray(bytes), "written", ErofsImage.Devices.SEPARATE);
    }
}
