package dev.rafter.testkit;

import dev.rafter.format.Extent;
import dev.rafter.format.FileType;
import dev.rafter.format.Inode;
import dev.rafter.format.erofs.ErofsImage;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/** Reads an EROFS image as a tree, contents too. */
public final class ImageTree {
    private ImageTree() {}

    /** Gives the bytes of a regular file to a sink, in order. */
    public interface Contents {
        void read(Inode file, Sink sink) throws IOException;
    }

    /** Takes the bytes of a file piece by piece. */
    public interface Sink {
        void accept(MemorySegment piece) throws IOException;
    }

    /**
     * Reads an image whose files lie in it and in its devices.
     *
     * @param devices the extra devices in table order
     */
    public static Tree of(ErofsImage image, List<MemorySegment> devices) throws IOException {
        return of(image, (file, sink) -> {
            for (Extent extent : image.extents(file)) {
                sink.accept(bytes(image, devices, extent));
            }
        });
    }

    /** Reads an image whose files' bytes somebody else provides. */
    public static Tree of(ErofsImage image, Contents contents) throws IOException {
        Tree.Builder tree = new Tree.Builder();
        image.validate((at, inode) -> tree.add(at.path(), file(inode, contents), inode.number()));
        return tree.build();
    }

    private static MemorySegment bytes(ErofsImage image, List<MemorySegment> devices, Extent extent) {
        if (extent.isHole()) {
            return MemorySegment.ofArray(new byte[Math.toIntExact(extent.length())]);
        }
        MemorySegment device = extent.device() == 0 ? image.segment() : devices.get(extent.device() - 1);
        long there = Math.min(extent.length(), device.byteSize() - extent.deviceOffset());
        return device.asSlice(extent.deviceOffset(), there);
    }

    private static TreeFile file(Inode inode, Contents contents) throws IOException {
        FileType type = inode.type();
        boolean device = type == FileType.CHARACTER_DEVICE || type == FileType.BLOCK_DEVICE;
        return new TreeFile(
                typeName(type),
                inode.permissions(),
                inode.uid(),
                inode.gid(),
                type == FileType.DIRECTORY ? 0 : inode.size(),
                inode.mtimeSeconds() + "." + inode.mtimeNanos(),
                "",
                type == FileType.DIRECTORY ? 0 : inode.links(),
                device ? inode.deviceMajor() + ":" + inode.deviceMinor() : "",
                inode.target(),
                base64(inode.xattrs()),
                type == FileType.REGULAR ? sha256(inode, contents) : "");
    }

    public static String typeName(FileType type) {
        return switch (type) {
            case REGULAR -> "reg";
            case DIRECTORY -> "dir";
            case SYMLINK -> "symlink";
            case CHARACTER_DEVICE -> "char";
            case BLOCK_DEVICE -> "block";
            case FIFO -> "fifo";
            case SOCKET -> "socket";
        };
    }

    public static SortedMap<String, String> base64(SortedMap<String, byte[]> xattrs) {
        SortedMap<String, String> encoded = new TreeMap<>();
        xattrs.forEach((name, value) -> encoded.put(name, Base64.getEncoder().encodeToString(value)));
        return encoded;
    }

    private static String sha256(Inode file, Contents contents) throws IOException {
        MessageDigest digest = newSha256();
        contents.read(file, piece -> digest.update(piece.asByteBuffer()));
        return HexFormat.of().formatHex(digest.digest());
    }

    public static MessageDigest newSha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-256", e);
        }
    }
}
