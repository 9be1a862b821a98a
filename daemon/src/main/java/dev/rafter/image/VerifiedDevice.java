package dev.rafter.image;

import dev.rafter.blob.ChunkMap;
import dev.rafter.codec.Codec;
import dev.rafter.codec.CorruptFrameException;
import dev.rafter.codec.Decoder;
import dev.rafter.digest.Hasher;
import dev.rafter.fetch.BlobSource;
import dev.rafter.format.CorruptImageException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.time.Duration;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/**
 * A device whose bytes are fetched from the blob's source, decoded and verified, and kept nowhere. Frames that follow the wanted one are
 * fetched with it, up to a limit, since files are mostly read in the order of their data.
 */
final class VerifiedDevice implements DeviceBytes {
    private static final int NO_FRAME = -1;

    private final ChunkMap chunks;
    private final BlobSource source;
    private final int readAheadBytes;
    private final Duration timeout;
    private final Decoder decoder;
    private final Hasher hasher;

    /** Stored bytes from {@code storedOffset} on. */
    private ByteBuffer stored = ByteBuffer.allocateDirect(0);

    private long storedOffset;
    private int decodedFrame = NO_FRAME;
    private ByteBuffer decoded = ByteBuffer.allocateDirect(0);
    private final BitSet verified = new BitSet();

    /** @param readAheadBytes how many stored bytes are fetched at once, if the wanted frame has fewer */
    VerifiedDevice(ChunkMap chunks, BlobSource source, int readAheadBytes, Duration timeout) {
        this.chunks = chunks;
        this.source = source;
        this.readAheadBytes = readAheadBytes;
        this.timeout = timeout;
        this.decoder = chunks.codec().newDecoder();
        this.hasher = chunks.digestAlgorithm().newHasher();
    }

    @Override
    public void read(long offset, ByteBuffer target) throws IOException {
        long at = offset;
        while (target.hasRemaining()) {
            int chunk = chunkAt(at);
            ByteBuffer bytes = verifiedChunk(chunk);
            bytes.position(bytes.position() + Math.toIntExact(at - chunks.deviceOffset(chunk)));
            bytes.limit(Math.min(bytes.limit(), bytes.position() + target.remaining()));
            at += bytes.remaining();
            target.put(bytes);
        }
    }

    private int chunkAt(long offset) throws CorruptImageException {
        int chunk = chunks.firstChunkEndingAfter(offset);
        if (chunk == chunks.chunkCount() || chunks.deviceOffset(chunk) > offset) {
            throw corrupt("no chunk covers device offset " + offset, CorruptImageException.NO_OFFSET, null);
        }
        return chunk;
    }

    private ByteBuffer verifiedChunk(int chunk) throws IOException {
        decode(chunks.frameOf(chunk));
        ByteBuffer bytes = decoded.slice(chunks.offsetInFrame(chunk), chunks.sizeBytes(chunk));
        if (!verified.get(chunk)) {
            hasher.update(bytes.duplicate());
            if (!chunks.hasDigest(chunk, hasher.digest())) {
                throw corrupt(
                        "chunk " + chunk + " does not have the digest that the image gives it",
                        chunks.frameOffset(chunks.frameOf(chunk)),
                        null);
            }
            verified.set(chunk);
        }
        return bytes;
    }

    private void decode(int frame) throws IOException {
        if (frame == decodedFrame) {
            return;
        }
        decodedFrame = NO_FRAME;
        verified.clear();
        int sizeBytes = chunks.frameSizeBytes(frame);
        if (decoded.capacity() < sizeBytes) {
            decoded = ByteBuffer.allocateDirect(sizeBytes);
        }
        decoded.clear().limit(sizeBytes);
        ByteBuffer frameBytes = storedFrame(frame);
        if (frameBytes.remaining() == sizeBytes || chunks.codec() == Codec.NONE) {
            copyStored(frameBytes, frame);
        } else {
            decodeFrame(frameBytes, frame);
        }
        decoded.clear();
        decodedFrame = frame;
    }

    private void copyStored(ByteBuffer frameBytes, int frame) throws CorruptImageException {
        if (frameBytes.remaining() != decoded.remaining()) {
            throw corrupt("a stored frame has another size than its bytes", chunks.frameOffset(frame), null);
        }
        decoded.put(frameBytes);
    }

    private void decodeFrame(ByteBuffer frameBytes, int frame) throws CorruptImageException {
        try {
            decoder.decode(frameBytes, decoded);
        } catch (CorruptFrameException e) {
            throw corrupt(String.valueOf(e.getMessage()), chunks.frameOffset(frame), e);
        }
    }

    private ByteBuffer storedFrame(int frame) throws IOException {
        long offset = chunks.frameOffset(frame);
        int sizeBytes = chunks.frameStoredSizeBytes(frame);
        if (offset < storedOffset || offset + sizeBytes > storedOffset + stored.limit()) {
            fetch(offset, lengthFrom(frame));
        }
        return stored.slice(Math.toIntExact(offset - storedOffset), sizeBytes);
    }

    /** The wanted frame, and those that lie right behind it as far as the limit goes. */
    private int lengthFrom(int frame) {
        long start = chunks.frameOffset(frame);
        long end = start + chunks.frameStoredSizeBytes(frame);
        for (int next = frame + 1; next < chunks.frameCount(); next++) {
            long nextEnd = chunks.frameOffset(next) + chunks.frameStoredSizeBytes(next);
            if (chunks.frameOffset(next) != end || nextEnd - start > readAheadBytes) {
                break;
            }
            end = nextEnd;
        }
        return Math.toIntExact(end - start);
    }

    private void fetch(long offset, int lengthBytes) throws IOException {
        if (stored.capacity() < lengthBytes) {
            stored = ByteBuffer.allocateDirect(lengthBytes);
        }
        stored.clear().limit(lengthBytes);
        storedOffset = offset;
        try (ReadableByteChannel range = source.open(offset, lengthBytes, timeout)) {
            while (stored.hasRemaining()) {
                if (range.read(stored) < 0) {
                    throw new IOException(source.describe() + " ended before byte " + (offset + lengthBytes));
                }
            }
        } catch (IOException e) {
            stored.limit(0);
            throw e;
        }
    }

    private CorruptImageException corrupt(String problem, long offset, @Nullable Throwable cause) {
        return new CorruptImageException(problem, source.describe(), offset, cause);
    }

    @Override
    public void close() {
        decoder.close();
    }
}
