package dev.rafter.testkit;

import dev.rafter.format.Extent;
import dev.rafter.format.FileNode;
import dev.rafter.format.FileNode.ChunkRef;
import dev.rafter.format.FileNode.Contents;
import dev.rafter.format.FileType;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A tree of odd files, the same for the same seed: all types, names of any bytes, hard links, xattrs of which some are
 * everywhere, sizes around the limits of blocks, times before 1970 and after 2106.
 */
public final class RandomTree {
    private static final int[] SIZES = {0, 1, 31, 511, 512, 513, 3900, 4031, 4032, 4033, 4095, 4096, 4097, 8192, 70_000
    };
    private static final long[] IDS = {0, 0, 1000, 65535, 65536, 4294967294L};
    private static final int DIRECTORIES_SHARE = 5;

    private final Random random;
    private final int maxName;
    private final FileNode root = new FileNode(FileType.DIRECTORY, 0755);
    private final List<FileNode> directories = new ArrayList<>();
    private final List<FileNode> linkable = new ArrayList<>();
    private final List<ByteArrayOutputStream> devices = new ArrayList<>();
    private final int blockSize;
    private final int chunkSize;

    private RandomTree(long seed, int maxName, int deviceCount, int blockSize, int chunkSize) {
        this.random = new Random(seed);
        this.maxName = maxName;
        this.blockSize = blockSize;
        this.chunkSize = chunkSize;
        for (int i = 0; i < deviceCount; i++) {
            devices.add(new ByteArrayOutputStream());
        }
    }

    /** A tree whose files' contents are {@link Contents.Inline}. */
    public static RandomTree inline(long seed, int files, int maxName) {
        return new RandomTree(seed, maxName, 0, 4096, 4096).fill(files);
    }

    /** A tree whose files' contents are chunks in devices, or holes. */
    public static RandomTree chunked(long seed, int files, int devices, int blockSize, int chunkSize) {
        return new RandomTree(seed, 255, devices, blockSize, chunkSize).fill(files);
    }

    public FileNode root() {
        return root;
    }

    /** Contents of the devices that chunks refer to. */
    public List<MemorySegment> devices() {
        return devices.stream()
                .map(device -> MemorySegment.ofArray(device.toByteArray()))
                .toList();
    }

    private RandomTree fill(int files) {
        directories.add(attributes(root));
        for (int i = 0; i < files; i++) {
            FileNode parent = directories.get(random.nextInt(directories.size()));
            parent.children().putIfAbsent(name(), file());
        }
        FileNode crowded = attributes(new FileNode(FileType.DIRECTORY, 0700));
        for (int i = 0; i < files; i++) {
            crowded.children().put("entry-" + i, plain());
        }
        root.children().put("crowded", crowded);
        return this;
    }

    private FileNode file() {
        int kind = random.nextInt(20);
        if (kind < DIRECTORIES_SHARE) {
            FileNode directory = attributes(new FileNode(FileType.DIRECTORY, permissions()));
            directories.add(directory);
            return directory;
        }
        if (kind == 5 && !linkable.isEmpty()) {
            return linkable.get(random.nextInt(linkable.size()));
        }
        FileNode file = attributes(
                switch (kind) {
                    case 6, 7 -> new FileNode(FileType.SYMLINK, 0777).target(target());
                    case 8 -> device(FileType.CHARACTER_DEVICE);
                    case 9 -> device(FileType.BLOCK_DEVICE);
                    case 10 -> new FileNode(FileType.FIFO, permissions());
                    case 11 -> new FileNode(FileType.SOCKET, permissions());
                    default -> new FileNode(FileType.REGULAR, permissions()).contents(contents());
                });
        linkable.add(file);
        return file;
    }

    private FileNode plain() {
        return new FileNode(FileType.REGULAR, 0644).contents(contents());
    }

    private FileNode device(FileType type) {
        return new FileNode(type, permissions()).device(random.nextInt(1 << 12), random.nextInt(1 << 20));
    }

    private FileNode attributes(FileNode node) {
        long seconds = random.nextInt(4) == 0 ? random.nextLong(1L << 33) - (1L << 31) : 1_700_000_000L;
        return node.owner(IDS[random.nextInt(IDS.length)], IDS[random.nextInt(IDS.length)])
                .mtime(seconds, random.nextInt(3) == 0 ? random.nextInt(1_000_000_000) : 0)
                .xattrs(xattrs(node.type()));
    }

    private int permissions() {
        return random.nextInt(010000);
    }

    /** Links and devices may have no user attributes. */
    private SortedMap<String, byte[]> xattrs(FileType type) {
        SortedMap<String, byte[]> xattrs = new TreeMap<>();
        boolean user = type == FileType.REGULAR || type == FileType.DIRECTORY;
        if (random.nextInt(3) == 0) {
            xattrs.put(
                    "security.everywhere",
                    "the same on many files".getBytes(java.nio.charset.StandardCharsets.US_ASCII));
        }
        if (random.nextInt(4) == 0) {
            for (int i = random.nextInt(4); i >= 0; i--) {
                String prefix = user && random.nextBoolean() ? "user." : "trusted.";
                xattrs.put(prefix + string(1 + random.nextInt(40), "abcdefgh.-_"), bytes(random.nextInt(100)));
            }
        }
        return xattrs;
    }

    private Contents contents() {
        byte[] bytes = bytes(SIZES[random.nextInt(SIZES.length)]);
        return devices.isEmpty() ? new Contents.Inline(bytes) : chunks(bytes);
    }

    private Contents chunks(byte[] bytes) {
        List<ChunkRef> chunks = new ArrayList<>();
        for (int offset = 0; offset < bytes.length; offset += chunkSize) {
            chunks.add(chunk(bytes, offset, Math.min(chunkSize, bytes.length - offset)));
        }
        return new Contents.Chunks(bytes.length, chunks);
    }

    private ChunkRef chunk(byte[] bytes, int offset, int length) {
        if (random.nextInt(8) == 0) {
            return new ChunkRef(Extent.HOLE, -1, 0, length);
        }
        int device = random.nextInt(devices.size());
        ByteArrayOutputStream blob = devices.get(device);
        int at = blob.size();
        blob.write(bytes, offset, length);
        blob.write(new byte[-blob.size() & (blockSize - 1)], 0, -blob.size() & (blockSize - 1));
        return new ChunkRef(device + 1, at / blockSize, at, length);
    }

    private String name() {
        int length = random.nextInt(30) == 0 ? maxName : 1 + random.nextInt(20);
        StringBuilder name = new StringBuilder();
        while (name.length() < length) {
            char c = (char) (random.nextInt(3) == 0 ? 1 + random.nextInt(255) : "abc.-!#".charAt(random.nextInt(7)));
            name.append(c == '/' ? '_' : c);
        }
        String string = name.toString();
        return string.equals(".") || string.equals("..") ? "..." : string;
    }

    private String target() {
        return string(1 + (random.nextInt(10) == 0 ? random.nextInt(4095) : random.nextInt(60)), "abc/.\u00e9");
    }

    private String string(int length, String alphabet) {
        StringBuilder string = new StringBuilder();
        for (int i = 0; i < length; i++) {
            string.append(alphabet.charAt(random.nextInt(alphabet.length())));
        }
        return string.toString();
    }

    private byte[] bytes(int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }
}
