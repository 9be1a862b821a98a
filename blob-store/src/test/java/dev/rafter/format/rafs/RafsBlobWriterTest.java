package dev.rafter.format.rafs;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.codec.Codec;
import dev.rafter.codec.Decoder;
import dev.rafter.codec.Encoder;
import dev.rafter.digest.DigestAlgorithm;
import dev.rafter.format.FileNode;
import dev.rafter.format.FileNode.ChunkRef;
import dev.rafter.format.FileNode.Contents;
import dev.rafter.format.FileType;
import dev.rafter.format.ImageBytes;
import dev.rafter.format.rafs.RafsBlobWriter.Written;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;
import org.junit.jupiter.params.provider.ValueSource;

class RafsBlobWriterTest {
    /** Takes the blobs of the reference tools apart, and writes them again: not a byte may differ. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "rafs6-zstd",
                "rafs6-lz4",
                "rafs6-none",
                "rafs6-chunk64k",
                "rafs6-dict",
                "rafs6-sha256",
                "rafs6-prefetch"
            })
    void writesWhatTheReferenceToolsWrite(String name) throws IOException {
        RafsFixture fixture = RafsFixture.open(name);
        ImageBytes bootstrap = new ImageBytes(MemorySegment.ofArray(fixture.bootstrap()), name);
        List<RafsBlob> blobs = BlobTable.read(bootstrap, RafsSuperblock.read(bootstrap));
        assertTrue(blobs.size() >= 3);
        for (RafsBlob blob : blobs) {
            byte[] original = Files.readAllBytes(fixture.blob(blob.id()));
            ByteArrayOutputStream copy = new ByteArrayOutputStream();
            Written written = writeAgain(blob, original, copy);
            assertArrayEquals(original, copy.toByteArray());
            assertEquals(blob.id(), written.sha256());
            assertEquals(original.length, written.sizeBytes());
            assertEquals(blob.features(), written.blob().features());
            assertEquals(blob.meta(), written.blob().meta());
            assertEquals(blob.deviceSizeBytes(), written.blob().deviceSizeBytes());
        }
    }

    private static Written writeAgain(RafsBlob blob, byte[] original, ByteArrayOutputStream copy) throws IOException {
        byte[] tail = Arrays.copyOfRange(original, original.length - RafsToc.TAIL_SIZE_BYTES, original.length);
        RafsToc toc = RafsToc.parse(MemorySegment.ofArray(tail), original.length, blob.id());
        RafsBlobMeta meta = RafsBlobMeta.parse(
                blob,
                MemorySegment.ofBuffer(decoded(original, toc.entry(RafsToc.META).orElseThrow())),
                MemorySegment.ofBuffer(
                        decoded(original, toc.entry(RafsToc.META_HEADER).orElseThrow())),
                blob.id());
        ByteBuffer digests = decoded(original, toc.entry(RafsToc.DIGESTS).orElseThrow());
        // The library's version differs from that of the tools: the compressed parts are taken as they are.
        PartEncoder parts = (compressor, part) -> {
            boolean isMeta = part.remaining() == blob.meta().sizeBytes();
            RafsToc.Entry entry =
                    toc.entry(isMeta ? RafsToc.META : RafsToc.BOOTSTRAP).orElseThrow();
            assertEquals(compressor, entry.compressor());
            return Optional.of(stored(original, entry));
        };
        RafsBlobWriter writer = new RafsBlobWriter(
                Channels.newChannel(copy),
                new RafsBlobWriter.Options(blob.chunkSizeBytes(), blob.compressor(), blob.digestAlgorithm()),
                parts);
        for (int i = 0; i < meta.chunkCount(); i++) {
            byte[] digest = new byte[32];
            digests.get(digest);
            RafsChunk chunk = meta.chunk(i, digest);
            ByteBuffer stored = ByteBuffer.wrap(original, (int) chunk.frameOffset(), chunk.frameStoredSizeBytes());
            RafsChunk added = writer.addChunk(digest, chunk.sizeBytes(), stored);
            assertEquals(chunk.deviceOffset(), added.deviceOffset());
            assertEquals(i, added.index());
        }
        RafsBlob own = writer.finishData(true);
        assertEquals("x".repeat(64), own.id());
        return writer.finish(
                Optional.of(decoded(original, toc.entry(RafsToc.BOOTSTRAP).orElseThrow())));
    }

    private static ByteBuffer stored(byte[] blob, RafsToc.Entry entry) {
        int size = (int) entry.storedSizeBytes();
        return ByteBuffer.allocateDirect(size)
                .put(blob, (int) entry.offset(), size)
                .flip();
    }

    private static ByteBuffer decoded(byte[] blob, RafsToc.Entry entry) throws IOException {
        ByteBuffer decoded = ByteBuffer.allocateDirect((int) entry.sizeBytes());
        try (Decoder decoder = Codec.valueOf(entry.compressor().name()).newDecoder()) {
            decoder.decode(stored(blob, entry), decoded);
        }
        assertArrayEquals(entry.digest(), digest(DigestAlgorithm.SHA256, decoded.flip()));
        return decoded;
    }

    private static byte[] digest(DigestAlgorithm algorithm, ByteBuffer bytes) {
        var hasher = algorithm.newHasher();
        hasher.update(bytes.duplicate());
        return hasher.digest();
    }

    /** Random chunks in, the blob's own chunk infos, table of contents and description back. */
    @ParameterizedTest
    @EnumSource(value = Compressor.class, mode = Mode.EXCLUDE, names = "GZIP")
    void whatIsWrittenIsReadBack(Compressor compressor) throws IOException {
        long seed = Long.getLong("test.seed", 11);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        Written written = writeRandom(seed, compressor, out);
        byte[] blob = out.toByteArray();
        RafsToc toc = RafsToc.parse(MemorySegment.ofArray(blob), blob.length, "ours");
        RafsBlobMeta meta = RafsBlobMeta.parse(
                written.blob(),
                MemorySegment.ofBuffer(decoded(blob, toc.entry(RafsToc.META).orElseThrow())),
                MemorySegment.ofBuffer(
                        decoded(blob, toc.entry(RafsToc.META_HEADER).orElseThrow())),
                "ours");
        assertEquals(300, meta.chunkCount());
        try (Decoder decoder = Codec.valueOf(compressor.name()).newDecoder();
                Decoder asItIs = Codec.NONE.newDecoder()) {
            for (int i = 0; i < meta.chunkCount(); i++) {
                RafsChunk chunk = meta.chunk(i, written.chunks().get(i).digest());
                assertEquals(written.chunks().get(i).deviceOffset(), chunk.deviceOffset(), "seed=" + seed);
                ByteBuffer frame = ByteBuffer.allocateDirect(chunk.frameStoredSizeBytes())
                        .put(blob, (int) chunk.frameOffset(), chunk.frameStoredSizeBytes())
                        .flip();
                ByteBuffer decoded = ByteBuffer.allocateDirect(chunk.frameSizeBytes());
                boolean stored = chunk.frameStoredSizeBytes() == chunk.frameSizeBytes();
                (stored ? asItIs : decoder).decode(frame, decoded);
                assertArrayEquals(chunk.digest(), digest(DigestAlgorithm.BLAKE3, decoded.flip()), "seed=" + seed);
            }
        }
    }

    @Test
    void theSameChunksGiveTheSameBytes() throws IOException {
        ByteArrayOutputStream first = new ByteArrayOutputStream();
        ByteArrayOutputStream second = new ByteArrayOutputStream();
        writeRandom(5, Compressor.ZSTD, first);
        writeRandom(5, Compressor.ZSTD, second);
        assertArrayEquals(first.toByteArray(), second.toByteArray());
    }

    /** A layer's blob holds the layer's own bootstrap, which calls the blob by a name of its own. */
    @Test
    void holdsTheBootstrapOfItsLayer() throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        RafsBlobWriter writer = writer(Compressor.ZSTD, out);
        RafsChunk chunk = writer.addChunk(new byte[32], 100, ByteBuffer.allocate(100));
        RafsBlob own = writer.finishData(true);
        FileNode root = new FileNode(FileType.DIRECTORY, 0755);
        ChunkRef ref = new ChunkRef(1, chunk.index(), chunk.deviceOffset(), chunk.sizeBytes());
        root.children()
                .put("file", new FileNode(FileType.REGULAR, 0644).contents(new Contents.Chunks(100, List.of(ref))));
        root.children().put(".wh.gone", new FileNode(FileType.REGULAR, 0));
        MemorySegment bootstrap = RafsBootstrapWriter.draw(
                        root,
                        List.of(new RafsBootstrapWriter.Contents(writer.chunks(), own.deviceSizeBytes())),
                        new RafsBootstrapWriter.Options(1 << 16, Compressor.ZSTD, DigestAlgorithm.BLAKE3, List.of()),
                        Arena.ofAuto())
                .finish(List.of(own));
        writer.finish(Optional.of(bootstrap.asByteBuffer()));
        byte[] blob = out.toByteArray();
        RafsToc toc = RafsToc.parse(MemorySegment.ofArray(blob), blob.length, "ours");
        ByteBuffer inside = decoded(blob, toc.entry(RafsToc.BOOTSTRAP).orElseThrow());
        RafsBootstrap read = RafsBootstrap.parse(MemorySegment.ofBuffer(inside), "ours");
        read.validate();
        assertEquals("x".repeat(64), read.blobs().getFirst().id());
        assertEquals(1, read.chunks(read.blobs().getFirst()).count());
        assertEquals(2, read.filesystem().directory(read.filesystem().root()).size());
    }

    @Test
    void aLayerWithoutDataHasABlobAllTheSame() throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        RafsBlobWriter writer = writer(Compressor.ZSTD, out);
        RafsBlob own = writer.finishData(true);
        assertEquals(0, own.chunkCount());
        ByteBuffer bootstrap = ByteBuffer.allocateDirect(5000);
        Written written = writer.finish(Optional.of(bootstrap));
        byte[] blob = out.toByteArray();
        RafsToc toc = RafsToc.parse(MemorySegment.ofArray(blob), blob.length, "ours");
        assertEquals(0, toc.entry(RafsToc.DATA).orElseThrow().storedSizeBytes());
        assertEquals(
                5000, decoded(blob, toc.entry(RafsToc.BOOTSTRAP).orElseThrow()).remaining());
        assertEquals(blob.length, written.sizeBytes());
        assertEquals(0, written.chunks().count());
    }

    @Test
    void refusesWhatTheFormatCannotHold() {
        RafsBlobWriter writer = writer(Compressor.NONE, new ByteArrayOutputStream());
        ByteBuffer bytes = ByteBuffer.allocate(100);
        assertThrows(IllegalArgumentException.class, () -> writer.addChunk(new byte[32], 99, bytes.duplicate()));
        assertThrows(IllegalArgumentException.class, () -> writer.addChunk(new byte[32], 1 << 17, bytes.duplicate()));
        assertThrows(IllegalStateException.class, () -> writer.finish(Optional.empty()));
        assertThrows(
                IllegalArgumentException.class,
                () -> new RafsBlobWriter.Options(5000, Compressor.ZSTD, DigestAlgorithm.SHA256));
        assertThrows(
                IllegalArgumentException.class,
                () -> new RafsBlobWriter.Options(1 << 25, Compressor.ZSTD, DigestAlgorithm.SHA256));
    }

    private static Written writeRandom(long seed, Compressor compressor, ByteArrayOutputStream out) throws IOException {
        Random random = new Random(seed);
        RafsBlobWriter writer = writer(compressor, out);
        try (Encoder encoder = Codec.valueOf(compressor.name()).newEncoder()) {
            for (int i = 0; i < 300; i++) {
                ByteBuffer chunk = randomChunk(random);
                ByteBuffer encoded = ByteBuffer.allocateDirect(chunk.remaining());
                boolean smaller = encoder.encode(chunk, encoded) != Encoder.NOT_SMALLER;
                byte[] digest = digest(DigestAlgorithm.BLAKE3, chunk);
                writer.addChunk(digest, chunk.remaining(), smaller ? encoded.flip() : chunk.duplicate());
            }
        }
        writer.finishData(false);
        return writer.finish(Optional.empty());
    }

    private static ByteBuffer randomChunk(Random random) {
        byte[] bytes = new byte[random.nextInt(8) == 0 ? 1 << 16 : random.nextInt(1, 20_000)];
        random.nextBytes(bytes);
        if (random.nextBoolean()) {
            Arrays.fill(bytes, 0, bytes.length / 2, (byte) 'a');
        }
        return ByteBuffer.allocateDirect(bytes.length).put(bytes).flip();
    }

    private static RafsBlobWriter writer(Compressor compressor, ByteArrayOutputStream out) {
        return new RafsBlobWriter(
                Channels.newChannel(out),
                new RafsBlobWriter.Options(1 << 16, compressor, DigestAlgorithm.BLAKE3),
                RafsBlobWriterTest::encode);
    }

    private static Optional<ByteBuffer> encode(Compressor compressor, ByteBuffer part) {
        ByteBuffer encoded = ByteBuffer.allocateDirect(part.remaining());
        try (Encoder encoder = Codec.valueOf(compressor.name()).newEncoder()) {
            int size = encoder.encode(part, encoded);
            return size == Encoder.NOT_SMALLER ? Optional.empty() : Optional.of(encoded.flip());
        }
    }
}
