package dev.rafter.image;

import dev.rafter.format.ByteStrings;
import dev.rafter.format.DirectoryEntry;
import dev.rafter.format.Extent;
import dev.rafter.format.FileType;
import dev.rafter.format.Inode;
import dev.rafter.format.tar.TarEntry;
import dev.rafter.format.tar.TarWriter;
import dev.rafter.format.tar.TarWriter.Region;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Writes an image's tree as one pax tar, as {@code tar -C ROOT -c .} would: directories before what is in them, in byte order, so that
 * the same image gives the same bytes. Every chunk is verified. Of names of one inode the first carries it, the others are hard links.
 * Streaming: memory is needed for the path to the current file, for its list of regions, and for the names of hard links.
 */
public final class ImageExport {
    private static final String ROOT = "./";

    private final ImageTree tree;
    private final TarWriter tar;
    private final Consumer<String> warnings;
    private final Map<Long, String> firstNames = new HashMap<>();

    private ImageExport(ImageTree tree, OutputStream out, Consumer<String> warnings) {
        this.tree = tree;
        this.tar = new TarWriter(out);
        this.warnings = warnings;
    }

    /**
     * Writes all of a tree.
     *
     * @param out not closed
     * @param warnings takes what tar has no form for, one sentence each
     */
    public static void write(ImageTree tree, OutputStream out, Consumer<String> warnings) throws IOException {
        new ImageExport(tree, out, warnings).run();
    }

    /** A directory on the way to the current file. */
    private record Level(String path, Iterator<DirectoryEntry> entries) {}

    private void run() throws IOException {
        Deque<Level> open = new ArrayDeque<>();
        open.push(enter(ROOT, tree.filesystem().root()));
        while (!open.isEmpty()) {
            Level level = open.element();
            if (!level.entries.hasNext()) {
                open.pop();
                continue;
            }
            DirectoryEntry entry = level.entries.next();
            Inode inode = tree.filesystem().inode(entry.inodeNumber());
            String path = level.path + entry.name();
            if (inode.type() == FileType.DIRECTORY) {
                open.push(enter(path + "/", inode));
            } else {
                put(path, inode);
            }
        }
        tar.finish();
    }

    private Level enter(String path, Inode directory) throws IOException {
        tar.put(entry(path, directory, null));
        return new Level(path, tree.filesystem().directory(directory).iterator());
    }

    private void put(String path, Inode inode) throws IOException {
        if (inode.type() == FileType.SOCKET) {
            warnings.accept(ByteStrings.display(path) + " is a socket, which a tar cannot hold: left out");
            return;
        }
        String first = inode.links() > 1 ? firstNames.putIfAbsent(inode.number(), path) : null;
        if (first != null) {
            tar.put(entry(path, inode, first));
        } else if (inode.type() == FileType.REGULAR) {
            putFile(entry(path, inode, null), inode);
        } else {
            tar.put(entry(path, inode, null));
        }
    }

    private void putFile(TarEntry entry, Inode file) throws IOException {
        List<Extent> data = tree.data(file);
        List<Region> regions = regions(data);
        boolean whole = regions.stream().mapToLong(Region::size).sum() == entry.size();
        if (whole) {
            tar.put(entry);
        } else {
            tar.putSparse(entry, regions);
        }
        tree.copy(data, tar::write);
    }

    /** Neighbours in the file, wherever they lie, are one region. */
    private static List<Region> regions(List<Extent> data) {
        List<Region> regions = new ArrayList<>();
        for (Extent extent : data) {
            Region last = regions.isEmpty() ? null : regions.getLast();
            if (last != null && last.offset() + last.size() == extent.fileOffset()) {
                regions.set(regions.size() - 1, new Region(last.offset(), last.size() + extent.length()));
            } else {
                regions.add(new Region(extent.fileOffset(), extent.length()));
            }
        }
        return regions;
    }

    /** @param first another name of the same inode, which is in the archive already */
    private static TarEntry entry(String path, Inode inode, @Nullable String first) {
        boolean hardLink = first != null;
        return new TarEntry(
                path,
                hardLink ? FileType.REGULAR : inode.type(),
                hardLink,
                inode.permissions(),
                inode.uid(),
                inode.gid(),
                inode.type() == FileType.REGULAR && !hardLink ? inode.size() : 0,
                inode.mtimeSeconds(),
                inode.mtimeNanos(),
                first != null ? first : inode.target(),
                inode.deviceMajor(),
                inode.deviceMinor(),
                hardLink ? Collections.emptySortedMap() : inode.xattrs());
    }
}
