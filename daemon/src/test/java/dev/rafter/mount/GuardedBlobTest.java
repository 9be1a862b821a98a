package dev.rafter.mount;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.blob.BlobStore;
import dev.rafter.blob.CacheFile;
import dev.rafter.blob.ChunkMap;
import dev.rafter.blob.FileChannelCacheFile;
import dev.rafter.codec.Codec;
import dev.rafter.digest.DigestAlgorithm;
import dev.rafter.digest.Hasher;
import dev.rafter.fetch.BlobSource;
import dev.rafter.fetch.FetchOptions;
import dev.rafter.fetch.Fetching;
import dev.rafter.image.ImageDevice;
import dev.rafter.oci.Digest;
import dev.rafter.ondemand.OnDemandSource;
import dev.rafter.ondemand.Transport;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ReadableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A file is guarded as long as it has holes, or may have them again. */
@Timeout(60)
final class GuardedBlobTest {
    private static final byte[] DEVICE = new byte[8192];

    private final Map<String, OnDemandSource> guarded = new HashMap<>();
    private final ImageDevice.Lazy device = new ImageDevice.Lazy(Digest.sha256(DEVICE), 8192, chunks(), new Stored());
    private volatile boolean diskFails;
    private Path root;
    private BlobStore store;
    private GuardedBlobs blobs;

    @BeforeEach
    void open() throws IOException {
        root = Files.createTempDirectory(Path.of("target").toAbsolutePath(), "guarded");
        store = BlobStore.open(BlobStore.Options.of(root)
                .withSyncInterval(Duration.ofHours(1))
                .withOpener(file -> new FailingFile(FileChannelCacheFile.open(file))));
        blobs = new GuardedBlobs(store, new Guards(), new Fetching(FetchOptions.DEFAULTS));
    }

    @AfterEach
    void close() throws IOException {
        store.close();
        TestNode.delete(root);
    }

    private static ChunkMap chunks() {
        ChunkMap.Builder builder = ChunkMap.builder(DigestAlgorithm.SHA256, Codec.NONE, DEVICE.length);
        Hasher hasher = DigestAlgorithm.SHA256.newHasher();
        hasher.update(DEVICE, 0, DEVICE.length);
        builder.addChunk(0, DEVICE.length, hasher.digest(), builder.addFrame(0, DEVICE.length, DEVICE.length), 0);
        return builder.build();
    }

    @Test
    void aDiskThatFailsAfterTheLastChunkHasComeIsMadeGoodBeforeAnybodyReads() throws IOException {
        GuardedBlobs.Use use = blobs.acquire(device);
        OnDemandSource served = guarded.values().iterator().next();
        assertFalse(served.isReady(0, 1));
        served.fill(0, 1);
        assertTrue(use.blob().cache().isComplete());
        diskFails = true;
        assertThrows(IOException.class, () -> use.blob().cache().sync());
        assertEquals(1, guarded.size(), "what may be lost is guarded");
        assertFalse(served.isReady(0, 1));
        diskFails = false;
        served.fill(0, 1);
        use.blob().cache().sync();
        assertEquals(0, guarded.size(), "what is on disk is the kernel's alone");
        blobs.release(use);
    }

    @Test
    void aBlobThatIsOnDiskIsMountedWithoutAGuard() throws IOException {
        GuardedBlobs.Use use = blobs.acquire(device);
        use.blob().fill(0, 1);
        blobs.release(use);
        assertEquals(0, guarded.size());
        GuardedBlobs.Use again = blobs.acquire(device);
        assertEquals(0, guarded.size());
        blobs.release(again);
    }

    @Test
    void aDiskThatFailsAtTheEndLeavesNothingOpen() throws IOException {
        GuardedBlobs.Use use = blobs.acquire(device);
        use.blob().fill(0, 1);
        diskFails = true;
        assertThrows(IOException.class, () -> blobs.release(use));
        diskFails = false;
        assertEquals(0, guarded.size());
        GuardedBlobs.Use again = blobs.acquire(device);
        assertFalse(again.blob().isReady(0, 1), "what was not synced is not believed");
        assertEquals(1, guarded.size());
        blobs.release(again);
    }

    /** The device, uncompressed. */
    private static final class Stored implements BlobSource {
        @Override
        public String describe() {
            return "the test";
        }

        @Override
        public String host() {
            return "the test";
        }

        @Override
        public ReadableByteChannel open(long offset, long lengthBytes, Duration timeout) {
            return Channels.newChannel(new ByteArrayInputStream(DEVICE, (int) offset, (int) lengthBytes));
        }
    }

    /** Knows who is guarded. */
    private final class Guards implements Transport {
        @Override
        public Guard guard(String name, Path cacheFile, OnDemandSource source) {
            guarded.put(name, source);
            return new Guard() {
                @Override
                public void release() {
                    guarded.remove(name);
                }

                @Override
                public void close() {
                    guarded.remove(name);
                }
            };
        }

        @Override
        public Optional<Guard> adopt(String name, OnDemandSource source) {
            return Optional.empty();
        }

        @Override
        public Set<String> left() {
            return Set.of();
        }

        @Override
        public void settle() {}

        @Override
        public void close() {}
    }

    private final class FailingFile implements CacheFile {
        private final CacheFile file;

        FailingFile(CacheFile file) {
            this.file = file;
        }

        @Override
        public int write(ByteBuffer source, long offset) throws IOException {
            return file.write(source, offset);
        }

        @Override
        public int read(ByteBuffer target, long offset) throws IOException {
            return file.read(target, offset);
        }

        @Override
        public long sizeBytes() throws IOException {
            return file.sizeBytes();
        }

        @Override
        public void grow(long sizeBytes) throws IOException {
            file.grow(sizeBytes);
        }

        @Override
        public void sync() throws IOException {
            if (diskFails) {
                throw new IOException("Input/output error");
            }
            file.sync();
        }

        @Override
        public void close() throws IOException {
            file.close();
        }
    }
}
