package dev.rafter.format.rafs;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.rafter.digest.DigestAlgorithm;
import dev.rafter.format.CorruptImageException;
import dev.rafter.format.ImageException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.junit.jupiter.api.Tag;

/** Fuzz targets: bytes of any kind give a result or a typed refusal. Started with JAZZER_FUZZ=1; without, only the seeds run. */
@Tag("slow")
class RafsFuzzTest {
    @FuzzTest(maxDuration = "2m")
    void bootstrap(byte[] bytes) throws IOException {
        try {
            RafsBootstrap bootstrap = RafsBootstrap.parse(RafsFixture.offHeap(bytes), "fuzz");
            bootstrap.prefetchInodes();
            bootstrap.validate();
        } catch (ImageException _) {
            // refused, as it should be
        }
    }

    @FuzzTest(maxDuration = "1m")
    void toc(byte[] bytes) {
        try {
            RafsToc.parse(MemorySegment.ofArray(bytes), bytes.length, "fuzz").entry(RafsToc.META);
        } catch (CorruptImageException _) {
            // refused, as it should be
        }
    }

    /** The first byte chooses the kind of blob, the next 4096 are the header, the rest the chunk infos. */
    @FuzzTest(maxDuration = "1m")
    void chunkInfos(byte[] bytes) {
        if (bytes.length < 1 + RafsLayout.MetaHeader.SIZE) {
            return;
        }
        byte[] header = Arrays.copyOfRange(bytes, 1, 1 + RafsLayout.MetaHeader.SIZE);
        byte[] infos = Arrays.copyOfRange(bytes, 1 + RafsLayout.MetaHeader.SIZE, bytes.length);
        int features = BlobFeatures.NATIVE
                | (bytes[0] & (BlobFeatures.CHUNK_INFO_V2 | BlobFeatures.ZRAN | BlobFeatures.BATCH));
        RafsBlob.Meta where = new RafsBlob.Meta(Compressor.ZSTD, 4096, 100, infos.length, "a".repeat(64));
        RafsBlob blob = new RafsBlob(
                "a".repeat(64),
                0,
                1 << 20,
                Math.max(1, infos.length / 24),
                Compressor.ZSTD,
                DigestAlgorithm.SHA256,
                features,
                1 << 20,
                1 << 30,
                where,
                RafsBlob.PinnedToc.NONE);
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

    private static void readChunk(RafsBlob blob, RafsBlobMeta meta, int chunk) throws CorruptImageException {
        if (blob.isZran()) {
            meta.zranContext(meta.zranContextOf(chunk));
            meta.offsetInZranContext(chunk);
        } else {
            meta.chunk(chunk, new byte[32]);
        }
    }
}
