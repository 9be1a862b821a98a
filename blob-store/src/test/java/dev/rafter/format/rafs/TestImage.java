package dev.rafter.format.rafs;

import dev.rafter.codec.Codec;
import dev.rafter.codec.Encoder;
import dev.rafter.digest.DigestAlgorithm;
import dev.rafter.digest.Hasher;
import dev.rafter.format.Extent;
import dev.rafter.format.FileNode;
import dev.rafter.format.FileNode.ChunkRef;
import dev.rafter.format.FileNode.Contents;
import dev.rafter.format.FileType;
import dev.rafter.format.Inode;
import dev.rafter.testkit.Tree;
import dev.rafter.testkit.TreeFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Builds an image of two blobs in memory: chunks of files go to either, equal ones are stored once. */
final class TestImage {
    private static final int BLOBS = 2;

    private final Compressor compressor;
    private final DigestAlgorithm digestAlgorithm;
    private final int chunkSize;
    private final Hasher hasher;
    private final List<ByteArrayOutputStream> bytes = new ArrayList<>();
    private final List<RafsBlobWriter> writers = new ArrayList<>();
    private final Map<String, ChunkRef> known = new HashMap<>();

    TestImage(Compressor compressor, DigestAlgorithm digestAlgorithm, int chunkSize) {
        this.compressor = compressor;
        this.digestAlgorithm = digestAlgorithm;
        this.chunkSize = chunkSize;
        this.hasher = digestAlgorithm.newHasher();
        for (int i = 0; i < BLOBS; i++) {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            bytes.add(out);
            writers.add(new RafsBlobWriter(
                    Channels.newChannel(out),
                    new RafsBlobWriter.Options(chunkSize, compressor, digestAlgorithm),
                    TestImage::encode));
        }
    }

    /** Copies the tree of another image; its files' bytes go to our blobs by turns. */
    FileNode copy(RafsBootstrap source, List<MemorySegment> devices) throws IOException {
        Map<Long, FileNode> nodes = new HashMap<>();
        source.validate((at, inode) -> {
            FileNode node = nodes.get(inode.number());
            if (node == null) {
                node = node(inode);
                if (inode.type() == FileType.REGULAR) {
                    node.contents(store(contents(source, inode, devices), nodes.size() % BLOBS));
                }
                nodes.put(inode.number(), node);
            }
            if (at.depth() > 0) {
                known(nodes, at.parentNumber()).children().put(at.name(), node);
            }
        });
        return known(nodes, source.filesystem().root().number());
    }

    private static FileNode known(Map<Long, FileNode> nodes, long number) {
        return Objects.requireNonNull(nodes.get(number));
    }

    private static FileNode node(Inode inode) {
        return new FileNode(inode.type(), inode.permissions())
                .owner(inode.uid(), inode.gid())
                .mtime(inode.mtimeSeconds(), inode.mtimeNanos())
                .device(inode.deviceMajor(), inode.deviceMinor())
                .target(inode.target())
                .xattrs(inode.xattrs());
    }

    private static byte[] contents(RafsBootstrap source, Inode file, List<MemorySegment> devices) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (Extent extent : source.filesystem().extents(file)) {
            MemorySegment device = devices.get(extent.device() - 1);
            out.writeBytes(
                    device.asSlice(extent.deviceOffset(), extent.length()).toArray(ValueLayout.JAVA_BYTE));
        }
        return out.toByteArray();
    }

    Contents store(byte[] contents, int blob) throws IOException {
        List<ChunkRef> chunks = new ArrayList<>();
        for (int at = 0; at < contents.length; at += chunkSize) {
            byte[] chunk = Arrays.copyOfRange(contents, at, Math.min(contents.length, at + chunkSize));
            chunks.add(storeChunk(chunk, blob));
        }
        return new Contents.Chunks(contents.length, chunks);
    }

    private ChunkRef storeChunk(byte[] chunk, int blob) throws IOException {
        hasher.update(chunk, 0, chunk.length);
        byte[] digest = hasher.digest();
        String key = Arrays.toString(digest);
        ChunkRef before = known.get(key);
        if (before != null) {
            return before;
        }
        ByteBuffer source = ByteBuffer.allocateDirect(chunk.length).put(chunk).flip();
        ByteBuffer stored = compressor == Compressor.NONE
                ? source
                : encode(compressor, source).orElse(source);
        RafsChunk added = writers.get(blob).addChunk(digest, chunk.length, stored);
        ChunkRef ref = new ChunkRef(blob + 1, added.index(), added.deviceOffset(), chunk.length);
        known.put(key, ref);
        return ref;
    }

    List<RafsBlobWriter.Written> finish() throws IOException {
        List<RafsBlobWriter.Written> blobs = new ArrayList<>();
        for (RafsBlobWriter writer : writers) {
            writer.finishData(false);
            blobs.add(writer.finish(Optional.empty()));
        }
        return blobs;
    }

    MemorySegment writeBootstrap(FileNode root, List<FileNode> prefetch) throws IOException {
        return bootstrap(
                root, finish(), new RafsBootstrapWriter.Options(chunkSize, compressor, digestAlgorithm, prefetch));
    }

    static MemorySegment bootstrap(
            FileNode root, List<RafsBlobWriter.Written> blobs, RafsBootstrapWriter.Options options) throws IOException {
        List<RafsBootstrapWriter.Contents> contents = blobs.stream()
                .map(blob -> new RafsBootstrapWriter.Contents(
                        blob.chunks(), blob.blob().deviceSizeBytes()))
                .toList();
        return RafsBootstrapWriter.draw(root, contents, options, Arena.ofAuto())
                .finish(blobs.stream().map(RafsBlobWriter.Written::blob).toList());
    }

    List<MemorySegment> devices(RafsBootstrap ours) throws IOException {
        List<MemorySegment> devices = new ArrayList<>();
        for (RafsBlob blob : ours.blobs()) {
            byte[] stored = bytes.get(blob.index()).toByteArray();
            devices.add(MemorySegment.ofArray(DecodedDevice.decode(ours, blob, stored)));
        }
        return devices;
    }

    private static Optional<ByteBuffer> encode(Compressor compressor, ByteBuffer part) {
        ByteBuffer encoded = ByteBuffer.allocateDirect(part.remaining());
        try (Encoder encoder = Codec.valueOf(compressor.name()).newEncoder()) {
            int size = encoder.encode(part, encoded);
            return size == Encoder.NOT_SMALLER ? Optional.empty() : Optional.of(encoded.flip());
        }
    }

    /** A tree with other times at some paths. */
    static Tree withTimes(Tree tree, Map<String, String> times) {
        Tree.Builder changed = new Tree.Builder();
        tree.files().forEach((path, file) -> {
            @Nullable String mtime = times.getOrDefault(path, file.mtime());
            TreeFile other = new TreeFile(
                    file.type(),
                    file.permissions(),
                    file.uid(),
                    file.gid(),
                    file.size(),
                    mtime,
                    "",
                    file.links(),
                    file.rdev(),
                    file.target(),
                    file.xattrs(),
                    file.sha256());
            changed.add(path, other, file.group().isEmpty() ? path : file.group());
        });
        return changed.build();
    }
}
