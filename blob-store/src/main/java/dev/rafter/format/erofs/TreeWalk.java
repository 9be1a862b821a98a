package dev.rafter.format.erofs;

import dev.rafter.format.ByteStrings;
import dev.rafter.format.CorruptImageException;
import dev.rafter.format.FileType;
import dev.rafter.format.ImageBytes;
import dev.rafter.format.Inode;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * Walks a whole image and checks everything in it. Each inode is checked once, however many names it has; a directory that is met
 * a second time is a cycle or a second parent, both of which end the walk. Directories
 * are read twice, once to visit their entries and once to enter their subdirectories, so that memory is that of the path to the place where the walk is, and one
 * bit per inode. The work is bounded by {@link WorkBudget}.
 */
final class TreeWalk {
    /** Deeper trees have no path that any system call takes. */
    private static final int MAX_DEPTH = 2048;

    /** More than any budget, and no overflow when added to. */
    private static final long MAX_CHARGE = 1L << 60;

    private final ErofsImage image;
    private final ImageBytes bytes;
    private final ErofsImage.Visitor visitor;
    private final WorkBudget budget;
    private final NidSet seen = new NidSet();
    private final Deque<Level> levels = new ArrayDeque<>();

    TreeWalk(ErofsImage image, ImageBytes bytes, ErofsImage.Visitor visitor) {
        this.image = image;
        this.bytes = bytes;
        this.visitor = visitor;
        this.budget = WorkBudget.ofImage(bytes);
    }

    /** A name in the tree, linked to those above it. */
    private record Place(@Nullable Place parent, String name, long nid, int depth) implements ErofsImage.Visited {
        Place child(DirectoryReader.Entry entry) {
            return new Place(this, entry.name(), entry.nid(), depth + 1);
        }

        @Override
        public long parentNumber() {
            return parent == null ? nid : parent.nid;
        }

        @Override
        public String path() {
            if (parent == null) {
                return "/";
            }
            Deque<String> names = new ArrayDeque<>();
            for (Place at = this; at.parent != null; at = at.parent) {
                names.addFirst(at.name);
            }
            return "/" + String.join("/", names);
        }
    }

    /** A directory whose entries were visited, on the way into its subdirectories. */
    private record Level(Place place, DirectoryReader.Cursor entries) {}

    void run() throws IOException {
        long rootNid = image.superblock().rootNid();
        Place root = new Place(null, "", rootNid, 0);
        StoredInode stored = image.stored(rootNid);
        if (stored.type() != FileType.DIRECTORY) {
            throw bytes.corrupt("the root, inode " + rootNid + ", is a " + stored.type(), stored.offset());
        }
        visit(root, stored);
        enter(root, stored);
        while (!levels.isEmpty()) {
            goOn(levels.element());
        }
    }

    /** Visits all entries of a directory; its subdirectories are entered later. */
    private void enter(Place directory, StoredInode stored) throws IOException {
        image.directories().read(stored, entry -> {
            if (entry.name().equals("..")) {
                checkParent(directory, entry);
            } else if (!entry.name().equals(".")) {
                entry(directory.child(entry), entry);
            }
        });
        levels.push(new Level(directory, image.directories().cursor(stored)));
    }

    /** Enters the next subdirectory, or leaves the directory. */
    private void goOn(Level level) throws IOException {
        DirectoryReader.Entry entry = level.entries.next();
        if (entry == null) {
            levels.pop();
        } else if (!entry.name().equals(".") && !entry.name().equals("..")) {
            StoredInode stored = image.stored(entry.nid());
            if (stored.type() == FileType.DIRECTORY) {
                enter(level.place.child(entry), stored);
            }
        }
    }

    private void checkParent(Place directory, DirectoryReader.Entry dotDot) throws CorruptImageException {
        if (dotDot.nid() != directory.parentNumber()) {
            throw bytes.corrupt(
                    "inode " + directory.nid + ": its \"..\" is inode " + dotDot.nid() + " instead of "
                            + directory.parentNumber(),
                    dotDot.offset());
        }
    }

    /** Checks what an entry leads to. */
    private void entry(Place place, DirectoryReader.Entry entry) throws IOException {
        StoredInode inode = image.stored(place.nid);
        if (entry.type() != 0 && entry.type() != inode.type().direntType()) {
            throw bytes.corrupt(
                    ByteStrings.display(place.path()) + " is of type " + entry.type() + " by its entry, but a "
                            + inode.type() + " by its inode " + place.nid,
                    entry.offset());
        }
        if (inode.type() == FileType.DIRECTORY && seen.contains(place.nid)) {
            throw bytes.corrupt(
                    ByteStrings.display(place.path()) + " leads to directory inode " + place.nid
                            + ", which has another place in the tree",
                    entry.offset());
        }
        if (place.depth > MAX_DEPTH) {
            throw bytes.corrupt("directories are nested more than " + MAX_DEPTH + " deep", entry.offset());
        }
        visit(place, inode);
    }

    private void visit(Place place, StoredInode stored) throws IOException {
        boolean first = seen.add(place.nid);
        budget.charge(first ? allOf(stored) : attributesOf(stored), stored.offset());
        Inode inode = image.inode(stored, budget);
        if (first && stored.type() == FileType.REGULAR) {
            image.extentReader().read(stored, (_, _, _, _) -> {});
        }
        visitor.visit(place, inode);
    }

    /** Bytes that are read of an inode at its first name. */
    private static long allOf(StoredInode inode) {
        long attributes = attributesOf(inode);
        if (inode.type() == FileType.DIRECTORY) {
            return attributes + Math.min(inode.size(), MAX_CHARGE);
        }
        return inode.layout() instanceof DataLayout.Chunked chunked
                ? attributes + ExtentReader.chunkCount(inode.size(), chunked.chunkBits()) * chunked.entrySize()
                : attributes;
    }

    /** Bytes that are read of an inode at each of its names. */
    private static long attributesOf(StoredInode inode) {
        long target = inode.type() == FileType.SYMLINK ? Math.min(inode.size(), MAX_CHARGE) : 0;
        return inode.headerSize() + inode.xattrSize() + target;
    }
}
