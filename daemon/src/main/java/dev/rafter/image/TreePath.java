package dev.rafter.image;

import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import dev.rafter.format.ByteStrings;
import dev.rafter.format.DirectoryEntry;
import dev.rafter.format.FileType;
import dev.rafter.format.Inode;
import dev.rafter.format.erofs.ErofsImage;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/** Finds files in an image by path, as a process whose root is the image would: links stay inside, ".." of the root is the root. */
public final class TreePath {
    private static final int MAX_LINKS = 40;

    private final ErofsImage image;
    private final String path;
    private final Deque<String> remaining = new ArrayDeque<>();
    private final Deque<Inode> parents = new ArrayDeque<>();
    private int links;

    private TreePath(ErofsImage image, String path) {
        this.image = image;
        this.path = path;
    }

    /**
     * @param path a byte string; absolute, or relative to the root
     * @param followLast whether a link in the last place is followed too
     * @throws FailureException if there is no such file
     */
    public static Inode find(ErofsImage image, String path, boolean followLast) throws IOException {
        return new TreePath(image, path).walk(followLast);
    }

    private Inode walk(boolean followLast) throws IOException {
        parents.push(image.root());
        prepend(path);
        while (!remaining.isEmpty()) {
            step(followLast);
        }
        return parents.element();
    }

    private void prepend(String names) {
        List<String> parts = List.of(names.split("/"));
        for (String part : parts.reversed()) {
            if (!part.isEmpty()) {
                remaining.push(part);
            }
        }
    }

    private void step(boolean followLast) throws IOException {
        String name = remaining.pop();
        if (name.equals("..") && parents.size() > 1) {
            parents.pop();
        }
        if (name.equals(".") || name.equals("..")) {
            return;
        }
        Inode inode = child(parents.element(), name);
        if (inode.type() == FileType.SYMLINK && (followLast || !remaining.isEmpty())) {
            follow(inode.target());
        } else {
            parents.push(inode);
        }
    }

    private void follow(String target) throws FailureException {
        if (++links > MAX_LINKS) {
            throw failure("goes through more than " + MAX_LINKS + " links");
        }
        if (target.startsWith("/")) {
            while (parents.size() > 1) {
                parents.pop();
            }
        }
        prepend(target);
    }

    private Inode child(Inode directory, String name) throws IOException {
        if (directory.type() != FileType.DIRECTORY) {
            throw failure("goes through a file that is no directory");
        }
        DirectoryEntry entry = image.lookup(directory, name).orElseThrow(() -> failure("is not in the image"));
        return image.inode(entry.inodeNumber());
    }

    private FailureException failure(String problem) {
        return new FailureException(FailureKind.FAILURE, ByteStrings.display(path) + " " + problem);
    }
}
