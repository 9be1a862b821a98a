package dev.rafter.format.rafs;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.rafter.digest.DigestAlgorithm;
import dev.rafter.format.CorruptImageException;
import dev.rafter.format.FileNode;
import dev.rafter.format.FileType;
import dev.rafter.format.ImageException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;

/**
 * Fuzz targets: whatever the bytes, the result is a value or a typed refusal. What the fuzzer invents are changes to something sound, since it
 * would never find a whole superblock by itself: four bytes each, two of offset, one of value, one unused. Started with JAZZER_FUZZ=1;
 * without, only the seeds run.
 */
@Tag("slow")
class RafsFuzzTest {
    private static final byte[] BOOTSTRAP = soundBootstrap();
    private static final byte[] TAIL = soundBlob();
    private static final int CHUNKS = 8;

    @FuzzTest(maxDuration = "2m")
    void bootstrap(byte[] changes) throws IOException {
        try {
            RafsBootstrap bootstrap = RafsBootstrap.parse(RafsFixture.offHeap(changed(BOOTSTRAP, changes)), "fuzz");
            bootstrap.prefetchInodes();
            bootstrap.validate();
        } catch (ImageException _) {
            // refused, as it should be
        }
    }

    @FuzzTest(maxDuration = "1m")
    void toc(byte[] changes) {
        byte[] tail = changed(TAIL, changes);
        try {
            RafsToc.parse(MemorySegment.ofArray(tail), tail.length, "fuzz").entry(RafsToc.META);
        } catch (CorruptImageException _) {
            // refused, as it should be
        }
    }

    /** The first byte chooses the kind of blob. */
    @FuzzTest(maxDuration = "1m")
    void chunkInfos(byte[] changes) {
        if (changes.length == 0) {
            return;
        }
        int kind = switch (changes[0] & 3) {
            case 0 -> 0;
            case 1 -> BlobFeatures.CHUNK_INFO_V2;
            case 2 -> BlobFeatures.CHUNK_INFO_V2 | BlobFeatures.BATCH;
            default -> BlobFeatures.CHUNK_INFO_V2 | BlobFeatures.ZRAN;
        };
        int infoSize = kind == 0 ? RafsLayout.ChunkInfoV1.SIZE : RafsLayout.ChunkInfoV2.SIZE;
        byte[] sound = soundChunkInfos(kind, infoSize);
        byte[] bytes = changed(sound, Arrays.copyOfRange(changes, 1, changes.length));
        byte[] header = Arrays.copyOf(bytes, RafsLayout.MetaHeader.SIZE);
        byte[] infos = Arrays.copyOfRange(bytes, RafsLayout.MetaHeader.SIZE, bytes.length);
        RafsBlob blob = blob(kind, infos.length);
        try {
            RafsBlobMeta meta =
                    RafsBlobMeta.parse(blob, MemorySegment.ofArray(infos), MemorySegment.ofArray(header), "fuzz");
            for (int i = 0; i < meta.chunkCount(); i++) {
                readChunk(blob, meta, i);
            }
        } catch (CorruptImageException _) {
            // refused, as it should be
        }
    }

    private static RafsBlob blob(int kind, int infosSize) {
        return new RafsBlob(
                "a".repeat(64),
                0,
                1 << 20,
                CHUNKS,
                Compressor.ZSTD,
                DigestAlgorithm.SHA256,
                BlobFeatures.NATIVE | kind,
                1 << 20,
                1 << 30,
                new RafsBlob.Meta(Compressor.ZSTD, 4096, 100, infosSize, "a".repeat(64)),
                RafsBlob.PinnedToc.NONE);
    }

    private static void readChunk(RafsBlob blob, RafsBlobMeta meta, int chunk) throws CorruptImageException {
        if (blob.isZran()) {
            meta.zranContext(meta.zranContextOf(chunk));
            meta.offsetInZranContext(chunk);
        } else {
            meta.chunk(chunk, new byte[32]);
        }
    }

    /** A header that suits the blob, then chunk infos and two contexts, mostly zeros. */
    private static byte[] soundChunkInfos(int kind, int infoSize) {
        int infos = CHUNKS * infoSize + (kind == 0 ? 0 : 2 * RafsLayout.InflateContext.SIZE);
        ByteBuffer bytes =
                ByteBuffer.allocate(RafsLayout.MetaHeader.SIZE + infos).order(ByteOrder.LITTLE_ENDIAN);
        return bytes.putInt(RafsLayout.MetaHeader.MAGIC, RafsLayout.MetaHeader.MAGIC_VALUE)
                .putInt(RafsLayout.MetaHeader.FEATURES, kind)
                .putInt(RafsLayout.MetaHeader.COMPRESSOR, Compressor.ZSTD.number())
                .putInt(RafsLayout.MetaHeader.ENTRIES, CHUNKS)
                .putLong(RafsLayout.MetaHeader.OFFSET, 4096)
                .putLong(RafsLayout.MetaHeader.COMPRESSED_SIZE, 100)
                .putLong(RafsLayout.MetaHeader.UNCOMPRESSED_SIZE, infos)
                .putLong(RafsLayout.MetaHeader.CONTEXT_OFFSET, (long) CHUNKS * infoSize)
                .putInt(RafsLayout.MetaHeader.CONTEXT_COUNT, 2)
                .putInt(RafsLayout.MetaHeader.MAGIC_AT_END, RafsLayout.MetaHeader.MAGIC_VALUE)
                .array();
    }

    private static byte[] changed(byte[] sound, byte[] changes) {
        byte[] bytes = sound.clone();
        for (int i = 0; i + 3 <= changes.length; i += 4) {
            int at = ((changes[i] & 0xFF) << 8 | (changes[i + 1] & 0xFF)) % bytes.length;
            bytes[at] = changes[i + 2];
        }
        return bytes;
    }

    private static byte[] soundBootstrap() {
        try {
            TestImage image = new TestImage(Compressor.NONE, DigestAlgorithm.SHA256, 4096);
            FileNode root = new FileNode(FileType.DIRECTORY, 0755);
            FileNode file = new FileNode(FileType.REGULAR, 0644).contents(image.store(new byte[9000], 0));
            TreeMap<String, byte[]> xattrs = new TreeMap<>();
            xattrs.put("user.key", new byte[] {1, 2, 3});
            FileNode directory = new FileNode(FileType.DIRECTORY, 0700).xattrs(xattrs);
            directory
                    .children()
                    .put("other", new FileNode(FileType.REGULAR, 0).contents(image.store(new byte[] {1}, 1)));
            directory.children().put("again", file);
            root.children().put("file", file);
            root.children().put("directory", directory);
            root.children().put("link", new FileNode(FileType.SYMLINK, 0777).target("file"));
            root.children().put("null", new FileNode(FileType.CHARACTER_DEVICE, 0666).device(1, 3));
            return image.writeBootstrap(root, List.of(file)).toArray(ValueLayout.JAVA_BYTE);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static byte[] soundBlob() {
        try {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            RafsBlobWriter writer = new RafsBlobWriter(
                    Channels.newChannel(out),
                    new RafsBlobWriter.Options(4096, Compressor.NONE, DigestAlgorithm.SHA256),
                    (_, _) -> Optional.empty());
            writer.addChunk(new byte[32], 100, ByteBuffer.allocate(100));
            writer.finishData(false);
            writer.finish(Optional.empty());
            byte[] blob = out.toByteArray();
            return Arrays.copyOfRange(blob, blob.length - 2048, blob.length);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
