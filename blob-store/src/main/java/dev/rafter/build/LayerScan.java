package dev.rafter.build;

import dev.rafter.digest.Hasher;
import dev.rafter.format.UnrepresentableFileException;
import dev.rafter.format.tar.TarEntry;
import dev.rafter.format.tar.TarReader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;

/** Reads one layer from its first byte to its last: cuts its files into chunks, digests them, and has the new ones encoded. */
final class LayerScan {
    /** 4 TiB in chunks of the usual size; their places take 128 MiB of a bootstrap. */
    private static final int MAX_CHUNKS_PER_FILE = 1 << 24;

    private final BuildOptions options;
    private final ChunkEncoders encoders;
    private final ChunkOwners owners;
    private final int layer;
    private final LongConsumer progress;
    private final Hasher hasher;
    private final Map<ChunkKey, LayerChunk> chunks = new HashMap<>();
    private final List<LayerEntry> entries = new ArrayList<>();

    /**
     * A scan that has not begun.
     *
     * @param layer its number, the lowest is 0
     * @param progress is told how many bytes of file contents came
     */
    LayerScan(BuildOptions options, ChunkEncoders encoders, ChunkOwners owners, int layer, LongConsumer progress) {
        this.options = options;
        this.encoders = encoders;
        this.owners = owners;
        this.layer = layer;
        this.progress = progress;
        hasher = options.digestAlgorithm().newHasher();
    }

    /** Reads the layer. */
    void run(LayerSource source) throws IOException {
        try (LayerTar tar = LayerTar.open(source)) {
            tar.forEach((entry, reader) -> entries.add(new LayerEntry(entry, reader.offset(), cut(reader, entry))));
        }
    }

    private List<LayerChunk> cut(TarReader reader, TarEntry entry) throws IOException {
        requireFewChunks(entry);
        ChunkRuns cut = new ChunkRuns();
        FileKind kind = FileKind.of(entry.name());
        int chunkSize = options.chunkSizeBytes();
        for (long left = entry.size(); left > 0; ) {
            int zeroChunks = Math.toIntExact(reader.hole() / chunkSize);
            if (zeroChunks > 1) {
                reader.skipHole((long) (zeroChunks - 1) * chunkSize);
                LayerChunk zeros = readChunk(reader, chunkSize, kind);
                cut.add(zeros, zeroChunks);
                left -= (long) zeroChunks * chunkSize;
            } else {
                int size = (int) Math.min(left, chunkSize);
                cut.add(readChunk(reader, size, kind), 1);
                left -= size;
            }
        }
        return cut;
    }

    /** Each chunk has its place in the bootstrap, those of holes too. */
    private void requireFewChunks(TarEntry entry) throws UnrepresentableFileException {
        long count = Math.ceilDiv(entry.size(), options.chunkSizeBytes());
        if (count > MAX_CHUNKS_PER_FILE) {
            throw new UnrepresentableFileException(
                    entry.name(),
                    "its " + entry.size() + " bytes are " + count + " chunks of " + options.chunkSizeBytes()
                            + " bytes, at most " + MAX_CHUNKS_PER_FILE + ": choose a larger --chunk-size");
        }
    }

    private LayerChunk readChunk(TarReader reader, int size, FileKind kind) throws IOException {
        byte[] content = encoders.borrow(size);
        for (int n = 0; n < size; ) {
            n += reader.read(content, n, size - n);
        }
        progress.accept(size);
        return chunk(content, size, kind);
    }

    private LayerChunk chunk(byte[] content, int size, FileKind kind) throws IOException {
        hasher.update(content, 0, size);
        ChunkKey key = ChunkKey.of(hasher.digest());
        LayerChunk known = chunks.get(key);
        if (known != null) {
            encoders.giveBack(content);
            return known;
        }
        LayerChunk chunk = new LayerChunk(key, size, kind, chunks.size());
        chunks.put(key, chunk);
        if (owners.isElsewhere(key, layer)) {
            encoders.giveBack(content);
        } else {
            encoders.encode(chunk, content);
        }
        return chunk;
    }

    List<LayerEntry> entries() {
        return entries;
    }

    Map<ChunkKey, LayerChunk> chunks() {
        return chunks;
    }
}
