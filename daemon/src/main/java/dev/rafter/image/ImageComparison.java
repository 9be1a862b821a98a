package dev.rafter.image;

import dev.rafter.build.SourceTree;
import dev.rafter.digest.DigestAlgorithm;
import dev.rafter.digest.Hasher;
import dev.rafter.format.ByteStrings;
import dev.rafter.format.DirectoryEntry;
import dev.rafter.format.FileNode;
import dev.rafter.format.FileType;
import dev.rafter.format.ImageException;
import dev.rafter.format.Inode;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Compares the tree of an image with that of the layers that it was made from: types, owners, modes, times, xattrs, links, which names are
 * one file, devices, sizes and contents. What is told first names the path, then how the image differs.
 */
public final class ImageComparison {
    private static final int MAX_REPORTED = 50;

    private final ImageTree tree;
    private final SourceTree source;
    private final Consumer<String> differences;
    private final Hasher hasher = DigestAlgorithm.SHA256.newHasher();
    /** Where files were met first, to find hard links. */
    private final Map<Long, String> pathsInImage = new HashMap<>();

    private final IdentityHashMap<FileNode, String> pathsInSource = new IdentityHashMap<>();
    private long count;

    private ImageComparison(ImageTree tree, SourceTree source, Consumer<String> differences) {
        this.tree = tree;
        this.source = source;
        this.differences = differences;
    }

    /**
     * @param differences takes what differs, one sentence each, of many the first few
     * @return how many differences there are; what is below a directory that only one of them has is not counted
     * @throws IOException if the image could not be read to its end
     */
    public static long compare(ImageTree tree, SourceTree source, Consumer<String> differences) throws IOException {
        return new ImageComparison(tree, source, differences).run();
    }

    /** A path that both have. */
    private record Pair(String path, FileNode node, Inode inode) {
        boolean areDirectories() {
            return node.type() == FileType.DIRECTORY && inode.type() == FileType.DIRECTORY;
        }
    }

    private long run() throws IOException {
        Deque<Pair> open = new ArrayDeque<>();
        open.push(new Pair("", source.root(), tree.filesystem().root()));
        while (!open.isEmpty()) {
            Pair pair = open.pop();
            compare(pair);
            if (pair.areDirectories()) {
                children(pair).reversed().forEach(open::push);
            }
        }
        return count;
    }

    private List<Pair> children(Pair directory) throws IOException {
        Map<String, Long> inImage = new TreeMap<>();
        for (DirectoryEntry entry : tree.filesystem().directory(directory.inode)) {
            inImage.put(entry.name(), entry.inodeNumber());
        }
        TreeSet<String> names = new TreeSet<>(inImage.keySet());
        names.addAll(directory.node.children().keySet());
        List<Pair> pairs = new ArrayList<>();
        for (String name : names) {
            String path = directory.path + "/" + name;
            FileNode node = directory.node.children().get(name);
            Long number = inImage.get(name);
            if (node == null) {
                differ(path, "is only in the image");
            } else if (number == null) {
                differ(path, "is not in the image");
            } else {
                pairs.add(new Pair(path, node, tree.filesystem().inode(number)));
            }
        }
        return pairs;
    }

    private void compare(Pair pair) throws IOException {
        FileNode node = pair.node;
        Inode inode = pair.inode;
        if (node.type() != inode.type()) {
            differ(pair.path, "type", inode.type(), node.type());
            return;
        }
        if (node.type() != FileType.DIRECTORY && isOtherName(pair)) {
            return;
        }
        differUnlessEqual(pair.path, "mode", octal(inode.permissions()), octal(node.permissions()));
        differUnlessEqual(pair.path, "owner", inode.uid() + ":" + inode.gid(), node.uid() + ":" + node.gid());
        differUnlessEqual(
                pair.path,
                "mtime",
                time(inode.mtimeSeconds(), inode.mtimeNanos()),
                time(node.mtimeSeconds(), node.mtimeNanos()));
        differUnlessEqual(
                pair.path,
                "device number",
                inode.deviceMajor() + ":" + inode.deviceMinor(),
                node.deviceMajor() + ":" + node.deviceMinor());
        if (node.type() == FileType.SYMLINK) {
            differUnlessEqual(
                    pair.path, "target", ByteStrings.display(inode.target()), ByteStrings.display(node.target()));
        }
        compareXattrs(pair);
        if (node.type() == FileType.REGULAR) {
            compareContents(pair);
        }
    }

    /** Whether the two were met before, by the same name: then they are compared already. */
    private boolean isOtherName(Pair pair) {
        String inImage = pathsInImage.putIfAbsent(pair.inode.number(), pair.path);
        String inSource = pathsInSource.putIfAbsent(pair.node, pair.path);
        differUnlessEqual(pair.path, "file that it is a hard link of", linked(inImage), linked(inSource));
        return inImage != null && inImage.equals(inSource);
    }

    private static String linked(@Nullable String path) {
        return path == null ? "none" : ByteStrings.display(path);
    }

    private void compareXattrs(Pair pair) {
        TreeSet<String> names = new TreeSet<>(pair.node.xattrs().keySet());
        names.addAll(pair.inode.xattrs().keySet());
        for (String name : names) {
            byte[] expected = pair.node.xattrs().get(name);
            byte[] found = pair.inode.xattrs().get(name);
            String shown = "xattr " + ByteStrings.display(name);
            if (expected == null) {
                differ(pair.path, shown + " is only in the image");
            } else if (found == null) {
                differ(pair.path, shown + " is not in the image");
            } else if (!Arrays.equals(expected, found)) {
                differ(pair.path, shown + " has another value");
            }
        }
    }

    private void compareContents(Pair pair) throws IOException {
        if (pair.inode.size() != source.size(pair.node)) {
            differ(pair.path, "size", pair.inode.size(), source.size(pair.node));
            return;
        }
        try {
            tree.copy(tree.filesystem().extents(pair.inode), hasher::update);
        } catch (ImageException e) {
            hasher.digest();
            differ(pair.path, "cannot be read: " + e.getMessage());
            return;
        }
        if (!Arrays.equals(hasher.digest(), source.sha256(pair.node))) {
            differ(pair.path, "contents differ");
        }
    }

    private void differUnlessEqual(String path, String what, String found, String expected) {
        if (!found.equals(expected)) {
            differ(path, what, found, expected);
        }
    }

    private void differ(String path, String what, Object found, Object expected) {
        differ(path, what + " is " + found + ", in the original " + expected);
    }

    private void differ(String path, String problem) {
        count++;
        if (count <= MAX_REPORTED) {
            differences.accept((path.isEmpty() ? "/" : ByteStrings.display(path)) + ": " + problem);
        } else if (count == MAX_REPORTED + 1) {
            differences.accept("more differences are not listed");
        }
    }

    private static String octal(int permissions) {
        return "%04o".formatted(permissions);
    }

    private static String time(long seconds, int nanos) {
        return "%d.%09d".formatted(seconds, nanos);
    }
}
