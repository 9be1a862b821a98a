package dev.rafter.fetch;

import dev.rafter.blob.ChunkMap;
import dev.rafter.codec.Codec;
import dev.rafter.codec.Encoder;
import dev.rafter.digest.DigestAlgorithm;
import dev.rafter.digest.Hasher;
import dev.rafter.oci.Digest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/** A blob of random chunks of many sizes, and a source of it that can be made to fail. */
final class TestBlob implements BlobSource {
    final byte[] device;
    final byte[] stored;
    final ChunkMap map;
    final Digest digest;

    /** What happens to requests. */
    volatile Fault fault = (_, _, _) -> {};

    /** What happens before a request is answered. */
    volatile Opening opening = () -> {};

    final List<Range> requests = new CopyOnWriteArrayList<>();
    final AtomicInteger open = new AtomicInteger();

    record Range(long offset, long length) {
        boolean overlaps(Range other) {
            return offset < other.offset + other.length && other.offset < offset + length;
        }
    }

    /** May throw, wait, or spoil the bytes that are about to be given. */
    interface Fault {
        void apply(long offset, ByteBuffer bytes, int request) throws IOException;
    }

    /** May throw or wait. */
    interface Opening {
        void apply() throws IOException;
    }

    private final String host;

    TestBlob(long seed, int chunks) {
        this(seed, chunks, "test");
    }

    TestBlob(long seed, int chunks, String host) {
        this.host = host;
        Random random = new Random(seed);
        byte[] deviceBytes = new byte[chunks * (64 << 10)];
        ByteBuffer blob = ByteBuffer.allocateDirect(2 * deviceBytes.length);
        ChunkMap.Builder builder = ChunkMap.builder(DigestAlgorithm.SHA256, Codec.ZSTD, deviceBytes.length);
        Hasher hasher = DigestAlgorithm.SHA256.newHasher();
        int offset = 0;
        try (Encoder encoder = Codec.ZSTD.newEncoder()) {
            for (int i = 0; i < chunks; i++) {
                int size = 1 + random.nextInt(60_000);
                byte[] content = new byte[size];
                random.nextBytes(content);
                Arrays.fill(content, 0, size / 2, (byte) i);
                System.arraycopy(content, 0, deviceBytes, offset, size);
                ByteBuffer direct = ByteBuffer.allocateDirect(size).put(content).flip();
                int start = blob.position();
                int length = encoder.encode(direct, blob);
                if (length == Encoder.NOT_SMALLER) {
                    blob.put(direct.duplicate());
                    length = size;
                }
                hasher.update(content, 0, size);
                builder.addChunk(offset, size, hasher.digest(), builder.addFrame(start, length, size), 0);
                offset = (offset + size + 4095) & -4096;
            }
        }
        device = deviceBytes;
        stored = new byte[blob.position()];
        blob.flip().get(stored);
        map = builder.build();
        digest = Digest.sha256(stored);
    }

    @Override
    public String describe() {
        return "test@" + digest;
    }

    @Override
    public String host() {
        return host;
    }

    @Override
    public ReadableByteChannel open(long offset, long lengthBytes, Duration timeout) throws IOException {
        requests.add(new Range(offset, lengthBytes));
        int request = requests.size();
        opening.apply();
        open.incrementAndGet();
        byte[] bytes = Arrays.copyOfRange(stored, (int) offset, (int) (offset + lengthBytes));
        return new ReadableByteChannel() {
            private final ByteBuffer rest = ByteBuffer.wrap(bytes);
            private volatile boolean closed;

            @Override
            public int read(ByteBuffer target) throws IOException {
                if (!rest.hasRemaining()) {
                    return -1;
                }
                int n = Math.min(Math.min(rest.remaining(), target.remaining()), 10_000);
                ByteBuffer part = rest.slice(rest.position(), n);
                fault.apply(offset + rest.position(), part, request);
                rest.position(rest.position() + n);
                target.put(part.rewind());
                return n;
            }

            @Override
            public boolean isOpen() {
                return !closed;
            }

            @Override
            public void close() {
                if (!closed) {
                    closed = true;
                    open.decrementAndGet();
                }
            }
        };
    }
}
