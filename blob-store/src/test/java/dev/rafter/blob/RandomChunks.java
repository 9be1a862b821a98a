package dev.rafter.blob;

import dev.rafter.codec.Codec;
import dev.rafter.digest.DigestAlgorithm;
import dev.rafter.digest.Hasher;
import dev.rafter.oci.Digest;
import java.nio.ByteBuffer;
import java.util.Random;

/** A device of random chunks, some blocks of padding between them, stored as they are. The same seed gives the same. */
final class RandomChunks {
    private static final int BLOCK = BlobCache.BLOCK_SIZE_BYTES;

    final ChunkMap map;
    final byte[] device;
    final Digest blob;

    RandomChunks(long seed, int chunks, int maxBytes) {
        Random random = new Random(seed);
        int[] offsets = new int[chunks];
        int[] sizes = new int[chunks];
        int end = 0;
        for (int i = 0; i < chunks; i++) {
            offsets[i] = end + BLOCK * (random.nextInt(4) == 0 ? random.nextInt(20) : 0);
            sizes[i] = 1 + random.nextInt(maxBytes);
            end = Math.ceilDiv(offsets[i] + sizes[i], BLOCK) * BLOCK;
        }
        device = new byte[end];
        ChunkMap.Builder builder =
                ChunkMap.builder(DigestAlgorithm.SHA256, Codec.NONE, offsets[chunks - 1] + sizes[chunks - 1]);
        Hasher hasher = DigestAlgorithm.SHA256.newHasher();
        byte[] content = new byte[maxBytes];
        for (int i = 0; i < chunks; i++) {
            random.nextBytes(content);
            System.arraycopy(content, 0, device, offsets[i], sizes[i]);
            hasher.update(content, 0, sizes[i]);
            builder.addChunk(
                    offsets[i], sizes[i], hasher.digest(), builder.addFrame(offsets[i], sizes[i], sizes[i]), 0);
        }
        map = builder.build();
        blob = Digest.sha256(device);
    }

    /** A chunk's bytes in a direct buffer. */
    ByteBuffer bytes(int chunk) {
        int size = map.sizeBytes(chunk);
        return ByteBuffer.allocateDirect(size)
                .put(device, (int) map.deviceOffset(chunk), size)
                .flip();
    }

    /** The map with only those chunks of it whose number leaves this remainder. */
    ChunkMap part(int modulus, int remainder) {
        ChunkMap.Builder builder = ChunkMap.builder(map.digestAlgorithm(), map.codec(), map.deviceSizeBytes());
        for (int i = remainder; i < map.chunkCount(); i += modulus) {
            copy(builder, i, map.digest(i));
        }
        return builder.build();
    }

    /** The map with another digest for one chunk. */
    ChunkMap lyingAbout(int chunk) {
        ChunkMap.Builder builder = ChunkMap.builder(map.digestAlgorithm(), map.codec(), map.deviceSizeBytes());
        for (int i = 0; i < map.chunkCount(); i++) {
            byte[] digest = map.digest(i);
            digest[31] ^= (byte) (i == chunk ? 1 : 0);
            copy(builder, i, digest);
        }
        return builder.build();
    }

    private void copy(ChunkMap.Builder builder, int chunk, byte[] digest) {
        int size = map.sizeBytes(chunk);
        int frame = builder.addFrame(map.frameOffset(map.frameOf(chunk)), size, size);
        builder.addChunk(map.deviceOffset(chunk), size, digest, frame, 0);
    }

    /** Whether a buffer's bytes are those of the device from an offset on. */
    boolean matches(ByteBuffer bytes, long offset) {
        return bytes.mismatch(ByteBuffer.wrap(device, (int) offset, bytes.remaining())) < 0;
    }
}
