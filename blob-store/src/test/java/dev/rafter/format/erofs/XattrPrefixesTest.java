package dev.rafter.format.erofs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.format.CorruptImageException;
import dev.rafter.format.FileNode;
import dev.rafter.format.FileNode.Contents;
import dev.rafter.format.FileType;
import dev.rafter.format.erofs.ErofsLayout.InodeHeader;
import dev.rafter.format.erofs.ErofsLayout.SuperblockHeader;
import dev.rafter.format.erofs.ErofsLayout.Xattr;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Long xattr prefixes, whose table may lie in the packed inode or in the image itself. */
class XattrPrefixesTest {
    private static final int SUPERBLOCK = (int) ErofsLayout.SUPERBLOCK_OFFSET;
    /** Two prefixes: "user.in." and a hidden one. */
    private static final byte[] TABLE = {4, 0, 1, 'i', 'n', '.', 0, 0, 2, 0, 0, 'h', 0, 0, 0, 0};

    private final FileNode file = new FileNode(FileType.REGULAR, 0644);
    private final FileNode packed = new FileNode(FileType.REGULAR, 0).contents(new Contents.Inline(TABLE));
    private ErofsWriter writer;
    private ByteBuffer image;

    /** An image whose file has the xattr "user.key", with room for what is put in by hand. */
    @BeforeEach
    void write() throws IOException {
        FileNode root = new FileNode(FileType.DIRECTORY, 0755);
        TreeMap<String, byte[]> xattrs = new TreeMap<>();
        xattrs.put("user.key", new byte[] {1});
        root.children().put("file", file.xattrs(xattrs));
        root.children().put("packed", packed);
        writer = ErofsWriter.layOut(root, ErofsOptions.builder().build());
        byte[] bytes = new byte[Math.toIntExact(writer.size())];
        writer.write(MemorySegment.ofArray(bytes));
        image = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        image.putInt(SUPERBLOCK + SuperblockHeader.FEATURE_COMPAT, 0);
    }

    private void announce(int count, long packedNid) {
        image.putInt(SUPERBLOCK + SuperblockHeader.FEATURE_INCOMPAT, ErofsLayout.INCOMPAT_XATTR_PREFIXES);
        image.put(SUPERBLOCK + SuperblockHeader.XATTR_PREFIX_COUNT, (byte) count);
        image.putLong(SUPERBLOCK + SuperblockHeader.PACKED_NID, packedNid);
    }

    private void prefixOfKey(int index) throws IOException {
        int at = Math.toIntExact(open().stored(writer.nid(file)).xattrOffset()) + Xattr.HEADER_SIZE;
        image.put(at + Xattr.NAME_INDEX, (byte) index);
    }

    private ErofsImage open() throws IOException {
        return ErofsImage.open(MemorySegment.ofBuffer(image), "prefixes", ErofsImage.Devices.SEPARATE);
    }

    private Set<String> names() throws IOException {
        return open().inode(writer.nid(file)).xattrs().keySet();
    }

    @Test
    void prefixOfThePackedInode() throws IOException {
        prefixOfKey(Xattr.LONG_PREFIX);
        announce(2, writer.nid(packed));
        assertEquals(Set.of("user.in.key"), names());
    }

    @Test
    void prefixInTheImage() throws IOException {
        prefixOfKey(Xattr.LONG_PREFIX);
        announce(2, 0);
        image.put(512, TABLE);
        image.putInt(SUPERBLOCK + SuperblockHeader.XATTR_PREFIX_START, 512 / 4);
        assertEquals(Set.of("user.in.key"), names());
    }

    @Test
    void hiddenPrefixIsNotShown() throws IOException {
        prefixOfKey(Xattr.LONG_PREFIX | 1);
        announce(2, writer.nid(packed));
        assertEquals(Set.of(), names());
    }

    @Test
    void prefixThatDoesNotExist() throws IOException {
        prefixOfKey(Xattr.LONG_PREFIX | 2);
        announce(2, writer.nid(packed));
        assertRefused("prefix 2 of 2", this::names);
    }

    @Test
    void moreRecordsThanTheTableHas() {
        announce(128, writer.nid(packed));
        assertRefused("long xattr prefix", this::open);
    }

    @Test
    void packedInodeThatIsNoFile() {
        announce(1, writer.nid(packed) + 1_000_000);
        assertRefused("outside", this::open);
        announce(1, image.getShort(SUPERBLOCK + SuperblockHeader.ROOT_NID_2));
        assertRefused("root", this::open);
        announce(1, 1L << 63);
        assertRefused("2^63", this::open);
    }

    @Test
    void fingerprintsUnderNoPrefix() {
        announce(1, writer.nid(packed));
        image.putInt(SUPERBLOCK + SuperblockHeader.FEATURE_COMPAT, ErofsLayout.COMPAT_FINGERPRINTS);
        image.put(SUPERBLOCK + SuperblockHeader.FINGERPRINT_PREFIX, (byte) 1);
        assertRefused("fingerprints", this::open);
    }

    @Test
    void oneNameTwice() throws IOException {
        FileNode root = new FileNode(FileType.DIRECTORY, 0755);
        TreeMap<String, byte[]> xattrs = new TreeMap<>();
        xattrs.put("user.a", new byte[0]);
        xattrs.put("user.b", new byte[0]);
        FileNode twice = new FileNode(FileType.REGULAR, 0).xattrs(xattrs);
        root.children().put("twice", twice);
        writer = ErofsWriter.layOut(
                root, ErofsOptions.builder().compactInodes(false).build());
        image = ByteBuffer.allocate(Math.toIntExact(writer.size())).order(ByteOrder.LITTLE_ENDIAN);
        writer.write(MemorySegment.ofBuffer(image));
        int first = Math.toIntExact(open().stored(writer.nid(twice)).offset())
                + InodeHeader.EXTENDED_SIZE
                + Xattr.HEADER_SIZE;
        image.put(first + Xattr.ENTRY_SIZE, (byte) 'b');
        assertRefused("twice", () -> open().inode(writer.nid(twice)));
    }

    private interface Read {
        Object run() throws IOException;
    }

    private static void assertRefused(String problem, Read read) {
        CorruptImageException refused = assertThrows(CorruptImageException.class, read::run);
        assertTrue(refused.problem().contains(problem), refused.problem());
    }
}
