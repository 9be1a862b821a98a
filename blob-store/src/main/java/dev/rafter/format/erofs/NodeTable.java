package dev.rafter.format.erofs;

import dev.rafter.format.FileNode;
import dev.rafter.format.FileType;
import dev.rafter.format.UnrepresentableFileException;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.Map;

/**
 * The nodes of a tree in the order in which an image stores them: the root, then directory by directory, so that the inodes which
 * a listing asks for lie together. Flat arrays, since there may be millions.
 */
final class NodeTable {
    private static final int NONE = -1;

    private FileNode[] nodes = new FileNode[64];
    private int[] links = new int[64];
    private int[] parents = new int[64];
    private int size;
    /** Open addressing by identity: number of a node plus one, 0 for a free place. At most half full. */
    private int[] places = new int[128];

    private NodeTable() {}

    /** Numbers all nodes below a root. */
    static NodeTable of(FileNode root) throws UnrepresentableFileException {
        if (root.type() != FileType.DIRECTORY) {
            throw new IllegalArgumentException("the root is a " + root.type());
        }
        NodeTable table = new NodeTable();
        table.append(root, 0, 2);
        Deque<Integer> pending = new ArrayDeque<>();
        pending.push(0);
        while (!pending.isEmpty()) {
            table.enter(pending.pop(), pending);
        }
        return table;
    }

    private void enter(int directory, Deque<Integer> pending) throws UnrepresentableFileException {
        for (Map.Entry<String, FileNode> entry : nodes[directory].children().entrySet()) {
            checkName(directory, entry.getKey());
            FileNode child = entry.getValue();
            int known = find(child);
            if (child.type() == FileType.DIRECTORY) {
                if (known != NONE) {
                    throw new IllegalArgumentException("a directory has two places in the tree: " + path(known));
                }
                append(child, directory, 2);
                links[directory]++;
            } else if (known == NONE) {
                append(child, directory, 1);
            } else {
                links[known]++;
            }
        }
        for (FileNode child : nodes[directory].children().descendingMap().values()) {
            if (child.type() == FileType.DIRECTORY) {
                pending.push(find(child));
            }
        }
    }

    private void checkName(int directory, String name) throws UnrepresentableFileException {
        boolean valid = !name.isEmpty()
                && name.length() <= ErofsLayout.MAX_NAME
                && name.indexOf('/') < 0
                && name.indexOf('\0') < 0
                && !name.equals(".")
                && !name.equals("..");
        if (!valid) {
            String shown = name.length() > ErofsLayout.MAX_NAME
                    ? "a name of " + name.length() + " bytes"
                    : "the name \"" + name + "\"";
            throw new UnrepresentableFileException(path(directory), shown + " in it is not one");
        }
    }

    int size() {
        return size;
    }

    FileNode node(int number) {
        return nodes[number];
    }

    /** Number of names; of a directory 2 and its subdirectories. */
    int links(int number) {
        return links[number];
    }

    /** The directory of a node, or the first of them; the root's own is the root. */
    int parent(int number) {
        return parents[number];
    }

    /** The number of a node that is in the tree. */
    int number(FileNode node) {
        int number = find(node);
        if (number == NONE) {
            throw new IllegalArgumentException("the node is not in the tree");
        }
        return number;
    }

    /** A node's first path, found by searching: for errors. */
    String path(int number) {
        StringBuilder path = new StringBuilder();
        for (int at = number; at != 0; at = parents[at]) {
            path.insert(0, "/" + nameIn(nodes[parents[at]], nodes[at]));
        }
        return path.isEmpty() ? "/" : path.toString();
    }

    private static String nameIn(FileNode directory, FileNode child) {
        return directory.children().entrySet().stream()
                .filter(entry -> entry.getValue() == child)
                .findFirst()
                .orElseThrow()
                .getKey();
    }

    private void append(FileNode node, int parent, int firstLinks) {
        if (size == nodes.length) {
            grow();
        }
        nodes[size] = node;
        links[size] = firstLinks;
        parents[size] = parent;
        place(size);
        size++;
    }

    private void grow() {
        int capacity = size * 2;
        nodes = Arrays.copyOf(nodes, capacity);
        links = Arrays.copyOf(links, capacity);
        parents = Arrays.copyOf(parents, capacity);
        places = new int[capacity * 2];
        for (int i = 0; i < size; i++) {
            place(i);
        }
    }

    private void place(int number) {
        int at = start(nodes[number]);
        while (places[at] != 0) {
            at = (at + 1) & (places.length - 1);
        }
        places[at] = number + 1;
    }

    private int find(FileNode node) {
        for (int at = start(node); places[at] != 0; at = (at + 1) & (places.length - 1)) {
            if (nodes[places[at] - 1] == node) {
                return places[at] - 1;
            }
        }
        return NONE;
    }

    private int start(FileNode node) {
        int hash = System.identityHashCode(node) * 0x9E3779B9;
        return (hash ^ (hash >>> 16)) & (places.length - 1);
    }
}
