package dev.rafter.format.erofs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.format.CorruptImageException;
import dev.rafter.format.FileNode;
import dev.rafter.format.FileNode.ChunkRef;
import dev.rafter.format.FileNode.Contents;
import dev.rafter.format.FileType;
import dev.rafter.format.erofs.ErofsLayout.InodeHeader;
import dev.rafter.testkit.Bounded;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Small images that ask for much: structures over one another, trees of great depth. Refused or read, within a second and 64 MB. */
@Timeout(30)
class HostileImagesTest {
    private final FileNode root = new FileNode(FileType.DIRECTORY, 0755);

    /** Inodes whose bytes are valid indexes too, in RAFS, where the kernel and we look at few of their bits. */
    @Test
    void oneIndexUnderManyFiles() throws IOException {
        List<FileNode> files = new ArrayList<>();
        for (int i = 0; i < 5000; i++) {
            files.add(file(1));
            root.children().put("f" + i, files.getLast());
        }
        List<ChunkRef> chunks = Collections.nCopies(100_000, new ChunkRef(1, 0, 0, 4096));
        root.children()
                .put("index", new FileNode(FileType.REGULAR, 0).contents(new Contents.Chunks(4096L * 100_000, chunks)));
        ErofsWriter writer = layOut(Dialect.RAFS_V6);
        ByteBuffer image = write(writer);
        for (FileNode file : files) {
            int at = Math.toIntExact(offset(image, writer.nid(file)));
            image.putLong(at + InodeHeader.SIZE, 4096L * 10_000);
            image.putShort(at + InodeHeader.XATTR_COUNT, (short) 1);
            image.putInt(at + InodeHeader.INO, 0);
        }
        CorruptImageException refused = refusal(image, Dialect.RAFS_V6);
        assertTrue(refused.problem().contains("overlap"), refused.problem());
    }

    @Test
    void oneFatInodeWithManyNames() throws IOException {
        TreeMap<String, byte[]> fat = new TreeMap<>();
        for (int i = 0; i < 4; i++) {
            fat.put("user." + i, new byte[50_000]);
        }
        FileNode file = file(1).xattrs(fat);
        for (int i = 0; i < 20_000; i++) {
            root.children().put("f" + i, file);
        }
        assertTrue(
                refusal(write(layOut(Dialect.EROFS)), Dialect.EROFS).problem().contains("overlap"));
    }

    /** Shared xattrs that begin four bytes behind one another, each of 60,000 bytes. */
    @Test
    void sharedXattrsOverOneAnother() throws IOException {
        TreeMap<String, byte[]> shared = new TreeMap<>();
        shared.put("user.a", new byte[60_000]);
        shared.put("user.b", new byte[60_000]);
        List<FileNode> files = new ArrayList<>();
        for (int i = 0; i < 5000; i++) {
            files.add(file(0).xattrs(shared));
            root.children().put("f" + i, files.getLast());
        }
        ErofsWriter writer = layOut(Dialect.EROFS);
        ByteBuffer image = write(writer);
        int start = Math.toIntExact(open(image, Dialect.EROFS).superblock().xattrBlock()) << 12;
        for (int at = start; at < start + 100_000; at += 4) {
            image.putInt(at, 60_000 << 16 | 1 << 8 | 1);
        }
        for (int i = 0; i < files.size(); i++) {
            int ids = Math.toIntExact(offset(image, writer.nid(files.get(i)))) + InodeHeader.EXTENDED_SIZE + 12;
            image.putInt(ids, i);
            image.putInt(ids + 4, 29_999);
            image.putInt(start + 4 * 29_999, 2 << 8 | 0);
        }
        CorruptImageException refused = refusal(image, Dialect.EROFS);
        assertTrue(refused.problem().contains("overlap"), refused.problem());
    }

    @Test
    void deepestTreeThatIsReadAndOneDeeper() throws IOException {
        FileNode at = root;
        for (int i = 0; i < 2048; i++) {
            FileNode child = new FileNode(FileType.DIRECTORY, 0755);
            at.children().put("d", child);
            at = child;
        }
        ByteBuffer deepest = write(layOut(Dialect.EROFS));
        int[] depth = {0};
        Bounded.run(() -> {
            open(deepest, Dialect.EROFS).validate((place, _) -> depth[0] = Math.max(depth[0], place.depth()));
            return depth;
        });
        assertEquals(2048, depth[0]);
        at.children().put("d", file(0));
        assertTrue(
                refusal(write(layOut(Dialect.EROFS)), Dialect.EROFS).problem().contains("deep"));
    }

    @Test
    void sizesThatOverflowSums() throws IOException {
        FileNode directory = new FileNode(FileType.DIRECTORY, 0755);
        FileNode link = new FileNode(FileType.SYMLINK, 0777).target("x");
        root.children().put("directory", directory);
        root.children().put("link", link);
        ErofsWriter writer = layOut(Dialect.EROFS);
        for (FileNode node : List.of(directory, link)) {
            for (long size : new long[] {Long.MAX_VALUE, 1L << 62, Integer.MAX_VALUE, -1}) {
                ByteBuffer image = write(writer);
                image.putLong(Math.toIntExact(offset(image, writer.nid(node))) + InodeHeader.SIZE, size);
                refusal(image, Dialect.EROFS);
            }
        }
    }

    private static FileNode file(int chunks) {
        List<ChunkRef> refs = chunks == 0 ? List.of() : List.of(new ChunkRef(1, 0, 0, 4096));
        return new FileNode(FileType.REGULAR, 0644).contents(new Contents.Chunks(4096L * chunks, refs));
    }

    private ErofsWriter layOut(Dialect dialect) throws IOException {
        return ErofsWriter.layOut(
                root,
                ErofsOptions.builder()
                        .dialect(dialect)
                        .compactInodes(false)
                        .devices(List.of(new Device("blob", 100_000, 0)))
                        .build());
    }

    private static ByteBuffer write(ErofsWriter writer) {
        byte[] bytes = new byte[Math.toIntExact(writer.size())];
        writer.write(MemorySegment.ofArray(bytes));
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static long offset(ByteBuffer image, long nid) throws IOException {
        return open(image, Dialect.EROFS).stored(nid).offset();
    }

    private static ErofsImage open(ByteBuffer image, Dialect dialect) throws IOException {
        return ErofsImage.open(MemorySegment.ofBuffer(image), "hostile", ErofsImage.Devices.SEPARATE, dialect);
    }

    private static CorruptImageException refusal(ByteBuffer image, Dialect dialect) throws IOException {
        return Bounded.run(() -> assertThrows(
                CorruptImageException.class, () -> open(image, dialect).validate((_, _) -> {})));
    }
}
