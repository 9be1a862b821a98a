package dev.rafter.format.erofs;

import dev.rafter.format.ByteStrings;
import dev.rafter.format.CorruptImageException;
import dev.rafter.format.FileType;
import dev.rafter.format.ImageBytes;
import dev.rafter.format.Inode;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Walks a whole image and checks everything in it. Each inode is checked once, however many names it has; a directory that is met
 * a second time is a cycle or a second parent, both of which end the walk. The memory in use is that of the directories still to
 * be entered and one bit per inode; the work is bounded by {@link WorkBudget}.
 */
final class TreeWalk {
    /** Deeper trees have no path that any system call takes. */
    private static final int MAX_DEPTH = 2048;

    private final ErofsImage image;
    private final ImageBytes bytes;
    private final ErofsImage.Visitor visitor;
    private final WorkBudget budget;
    private final NidSet seen = new NidSet();
    private final Deque<Place> pending = new ArrayDeque<>();

    TreeWalk(ErofsImage image, ImageBytes bytes, ErofsImage.Visitor visitor) {
        this.image = image;
        this.bytes = bytes;
        this.visitor = visitor;
        this.budget = WorkBudget.ofImage(bytes);
    }

    /** A name in the tree, linked to those above it. */
    private record Place(@Nullable Place parent, String name, long nid, int depth) implements ErofsImage.Visited {
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

    void run() throws IOException {
        long rootNid = image.superblock().rootNid();
        Place root = new Place(null, "", rootNid, 0);
        StoredInode stored = image.stored(rootNid);
        if (stored.type() != FileType.DIRECTORY) {
            throw bytes.corrupt("the root, inode " + rootNid + ", is a " + stored.type(), stored.offset());
        }
        visit(root, stored);
        while (!pending.isEmpty()) {
            enter(pending.pop());
        }
    }

    private void enter(Place directory) throws IOException {
        StoredInode stored = image.stored(directory.nid);
        List<Place> subdirectories = new ArrayList<>();
        image.directories().read(stored, entry -> {
            if (entry.name().equals("..")) {
                checkParent(directory, entry);
            } else if (!entry.name().equals(".")) {
                Place place = new Place(directory, entry.name(), entry.nid(), directory.depth + 1);
                if (entry(place, entry)) {
                    subdirectories.add(place);
                }
            }
        });
        for (Place subdirectory : subdirectories.reversed()) {
            pending.push(subdirectory);
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

    /** Checks what an entry leads to; true if it is a directory. */
    private boolean entry(Place place, DirectoryReader.Entry entry) throws IOException {
        StoredInode inode = image.stored(place.nid);
        if (entry.type() != 0 && entry.type() != inode.type().direntType()) {
            throw bytes.corrupt(
                    ByteStrings.display(place.path()) + " is of type " + entry.type() + " by its entry, but a "
                            + inode.type() + " by its inode " + place.nid,
                    entry.offset());
        }
        boolean directory = inode.type() == FileType.DIRECTORY;
        if (directory && seen.contains(place.nid)) {
            throw bytes.corrupt(
                    ByteStrings.display(place.path()) + " leads to directory inode " + place.nid
                            + ", which has another place in the tree",
                    entry.offset());
        }
        if (place.depth > MAX_DEPTH) {
            throw bytes.corrupt("directories are nested more than " + MAX_DEPTH + " deep", entry.offset());
        }
        visit(place, inode);
        return directory;
    }

    private void visit(Place place, StoredInode stored) throws IOException {
        boolean first = seen.add(place.nid);
        if (first) {
            budget.charge(metadataSize(stored), stored.offset());
        }
        Inode inode = image.inode(stored, first ? budget : WorkBudget.unlimited(bytes));
        if (first && stored.type() == FileType.REGULAR) {
            image.extentReader().read(stored, _ -> {});
        }
        if (place.parent == null) {
            pending.push(place);
        }
        visitor.visit(place, inode);
    }

    /** What the walk reads of an inode. */
    private static long metadataSize(StoredInode inode) {
        long own = inode.headerSize() + (long) inode.xattrSize();
        return switch (inode.layout()) {
            case DataLayout.Chunked chunked ->
                own + ExtentReader.chunkCount(inode.size(), chunked.chunkBits()) * chunked.entrySize();
            case DataLayout.Plain _, DataLayout.Inline _ -> own + (inode.type() == FileType.REGULAR ? 0 : inode.size());
            case DataLayout.Compressed _, DataLayout.None _ -> own;
        };
    }
}
