package dev.rafter.build;

import dev.rafter.digest.DigestAlgorithm;
import dev.rafter.digest.Hasher;
import dev.rafter.format.FileNode;
import dev.rafter.format.FileNode.Contents;
import dev.rafter.format.tar.TarEntry;
import dev.rafter.format.tar.TarReader;
import java.io.IOException;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Optional;

/** The merged tree of an image's layers, with the SHA-256 of each file: what a converted image has to give. */
public final class SourceTree {
    private static final int BUFFER_SIZE_BYTES = 128 << 10;
    private static final byte[] EMPTY_DIGEST =
            DigestAlgorithm.SHA256.newHasher().digest();

    private final LayerMerger merger = new LayerMerger();
    private final IdentityHashMap<FileNode, Digested> files = new IdentityHashMap<>();
    private final Hasher hasher = DigestAlgorithm.SHA256.newHasher();
    private final byte[] buffer = new byte[BUFFER_SIZE_BYTES];

    private record Digested(long size, byte[] sha256) {}

    private SourceTree() {}

    /**
     * Reads all layers once.
     *
     * @param layers the lowest first
     */
    public static SourceTree read(List<? extends LayerSource> layers) throws IOException {
        SourceTree tree = new SourceTree();
        for (LayerSource layer : layers) {
            tree.merger.beginLayer(layer.describe());
            try (LayerTar tar = LayerTar.open(layer)) {
                tar.forEach(tree::add);
            }
        }
        return tree;
    }

    private void add(TarEntry entry, TarReader tar) throws IOException {
        Optional<FileNode> file = merger.apply(entry, tar.offset());
        if (file.isPresent() && entry.size() > 0) {
            files.put(file.get(), new Digested(entry.size(), digest(tar)));
        }
    }

    private byte[] digest(TarReader tar) throws IOException {
        for (int count = tar.read(buffer, 0, buffer.length); count > 0; count = tar.read(buffer, 0, buffer.length)) {
            hasher.update(buffer, 0, count);
        }
        return hasher.digest();
    }

    /** The tree; its files are without {@link Contents}: ask {@link #size} and {@link #sha256}. */
    public FileNode root() {
        return merger.root();
    }

    /** Bytes of a regular file of the tree. */
    public long size(FileNode file) {
        return files.getOrDefault(file, new Digested(0, EMPTY_DIGEST)).size;
    }

    /** SHA-256 of a regular file of the tree. */
    public byte[] sha256(FileNode file) {
        return files.getOrDefault(file, new Digested(0, EMPTY_DIGEST)).sha256.clone();
    }
}
