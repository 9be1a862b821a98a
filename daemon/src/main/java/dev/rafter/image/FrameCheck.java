package dev.rafter.image;

import dev.rafter.blob.ChunkMap;
import dev.rafter.codec.Codec;
import dev.rafter.codec.CorruptFrameException;
import dev.rafter.codec.Decoder;
import dev.rafter.digest.Hasher;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** Decodes one frame after the other and compares its chunks with their digests. For one thread at a time. */
final class FrameCheck implements AutoCloseable {
    private final ChunkMap chunks;
    private final ChunksOfFrames chunksOfFrames;
    private final Decoder decoder;
    private final Hasher hasher;
    private ByteBuffer stored = ByteBuffer.allocateDirect(0);
    private ByteBuffer decoded = ByteBuffer.allocateDirect(0);
    private int frame;

    FrameCheck(ChunkMap chunks, ChunksOfFrames chunksOfFrames) {
        this.chunks = chunks;
        this.chunksOfFrames = chunksOfFrames;
        this.decoder = chunks.codec().newDecoder();
        this.hasher = chunks.digestAlgorithm().newHasher();
    }

    /** Where the stored bytes of a frame are to be put, until nothing remains; then {@link #problems} may be asked. */
    ByteBuffer begin(int newFrame) {
        frame = newFrame;
        stored = cleared(stored, chunks.frameStoredSizeBytes(frame));
        return stored;
    }

    /** What is wrong with the frame, as phrases. */
    List<String> problems() {
        int sizeBytes = chunks.frameSizeBytes(frame);
        decoded = cleared(decoded, sizeBytes);
        stored.flip();
        try {
            if (stored.remaining() == sizeBytes || chunks.codec() == Codec.NONE) {
                decoded.put(stored);
            } else {
                decoder.decode(stored, decoded);
            }
        } catch (CorruptFrameException e) {
            return List.of(chunksOfFrames.describe(frame) + ": " + e.getMessage());
        }
        List<String> problems = new ArrayList<>();
        for (int i = chunksOfFrames.begin(frame); i < chunksOfFrames.begin(frame + 1); i++) {
            check(chunksOfFrames.chunk(i), problems);
        }
        return problems;
    }

    private void check(int chunk, List<String> problems) {
        hasher.update(decoded.slice(chunks.offsetInFrame(chunk), chunks.sizeBytes(chunk)));
        if (!chunks.hasDigest(chunk, hasher.digest())) {
            problems.add("chunk " + chunk + " (device offset " + chunks.deviceOffset(chunk) + ", stored at byte "
                    + chunks.frameOffset(frame) + ") has another digest than the image says");
        }
    }

    private static ByteBuffer cleared(ByteBuffer buffer, int sizeBytes) {
        ByteBuffer large = buffer.capacity() < sizeBytes ? ByteBuffer.allocateDirect(sizeBytes) : buffer;
        return large.clear().limit(sizeBytes);
    }

    @Override
    public void close() {
        decoder.close();
    }
}
