package dev.rafter.format.erofs;

import dev.rafter.format.ByteStrings;
import dev.rafter.format.FileNode;
import dev.rafter.format.erofs.ErofsLayout.Dirent;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Packs the entries of a directory into blocks: as many whole entries as fit into each, in byte order, "." and ".." among them. */
final class DirectoryWriter {
    private final NodeTable table;
    private final int blockSize;

    DirectoryWriter(NodeTable table, int blockSize) {
        this.table = table;
        this.blockSize = blockSize;
    }

    /** Gives the inode number of a node. */
    interface Numbers {
        long nid(int node);
    }

    /** Takes a directory's blocks, the used bytes of each. */
    interface Sink {
        void block(int number, byte[] bytes) throws IOException;
    }

    private interface EntrySink<X extends Exception> {
        void entry(String name, int node) throws X;
    }

    /** What {@code i_size} of a directory is: its full blocks, and the used bytes of the last one. */
    long size(int directory) {
        Size size = new Size();
        entries(directory, size);
        return size.fullBlocks * blockSize + size.used;
    }

    private final class Size implements EntrySink<RuntimeException> {
        private long fullBlocks;
        private int used;

        @Override
        public void entry(String name, int node) {
            int entry = Dirent.SIZE + name.length();
            if (used + entry > blockSize) {
                fullBlocks++;
                used = 0;
            }
            used += entry;
        }
    }

    void write(int directory, Numbers numbers, Sink sink) throws IOException {
        Packer packer = new Packer(numbers, sink);
        entries(directory, packer);
        packer.flush();
    }

    private final class Packer implements EntrySink<IOException> {
        private final Numbers numbers;
        private final Sink sink;
        private final List<String> names = new ArrayList<>();
        private final List<Integer> nodes = new ArrayList<>();
        private int used;
        private int block;

        Packer(Numbers numbers, Sink sink) {
            this.numbers = numbers;
            this.sink = sink;
        }

        @Override
        public void entry(String name, int node) throws IOException {
            int entry = Dirent.SIZE + name.length();
            if (used + entry > blockSize) {
                flush();
            }
            names.add(name);
            nodes.add(node);
            used += entry;
        }

        void flush() throws IOException {
            ByteBuffer bytes = ByteBuffer.allocate(used).order(ByteOrder.LITTLE_ENDIAN);
            int nameOffset = names.size() * Dirent.SIZE;
            for (int i = 0; i < names.size(); i++) {
                int node = nodes.get(i);
                bytes.putLong(numbers.nid(node));
                bytes.putShort((short) nameOffset);
                bytes.put((byte) table.node(node).type().direntType());
                bytes.put((byte) 0);
                nameOffset += names.get(i).length();
            }
            names.forEach(name -> bytes.put(ByteStrings.bytes(name)));
            sink.block(block++, bytes.array());
            names.clear();
            nodes.clear();
            used = 0;
        }
    }

    private <X extends Exception> void entries(int directory, EntrySink<X> sink) throws X {
        boolean dot = false;
        boolean dotDot = false;
        for (Map.Entry<String, FileNode> child :
                table.node(directory).children().entrySet()) {
            String name = child.getKey();
            if (!dot && name.compareTo(".") > 0) {
                sink.entry(".", directory);
                dot = true;
            }
            if (!dotDot && name.compareTo("..") > 0) {
                sink.entry("..", table.parent(directory));
                dotDot = true;
            }
            sink.entry(name, table.number(child.getValue()));
        }
        if (!dot) {
            sink.entry(".", directory);
        }
        if (!dotDot) {
            sink.entry("..", table.parent(directory));
        }
    }
}
