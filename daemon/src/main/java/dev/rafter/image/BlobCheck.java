package dev.rafter.image;

import dev.rafter.blob.ChunkMap;
import dev.rafter.codec.Codec;
import dev.rafter.codec.CorruptFrameException;
import dev.rafter.codec.Decoder;
import dev.rafter.digest.Hasher;
import dev.rafter.oci.Digest;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/** Reads one blob from its first to its last byte, once: its own digest, and that of every chunk that the image has in it. */
final class BlobCheck {
    private static final int PIECE_BYTES = 256 << 10;
    private static final long SLOWEST_BYTES_PER_SECOND = 256 << 10;

    private final ImageDevice.Lazy device;
    private final ChunkMap chunks;
    private final Consumer<String> problems;
    private final Decoder decoder;
    private final Hasher hasher;
    private final MessageDigest whole;
    /** Frames by their place in the blob, and chunks by the frame that holds them. */
    private final int[] frames;

    private final List<List<Integer>> chunksOfFrame = new ArrayList<>();
    private final ByteBuffer piece = ByteBuffer.allocateDirect(PIECE_BYTES);
    private ByteBuffer frame = ByteBuffer.allocateDirect(0);
    private ByteBuffer decoded = ByteBuffer.allocateDirect(0);
    private int nextFrame;
    private long position;

    private BlobCheck(ImageDevice.Lazy device, Consumer<String> problems, Decoder decoder) {
        this.device = device;
        this.chunks = device.chunks();
        this.problems = problems;
        this.decoder = decoder;
        this.hasher = chunks.digestAlgorithm().newHasher();
        this.whole = device.blob().newMessageDigest();
        this.frames = IntStream.range(0, chunks.frameCount())
                .boxed()
                .sorted(Comparator.comparingLong(chunks::frameOffset))
                .mapToInt(Integer::intValue)
                .toArray();
        for (int i = 0; i < chunks.frameCount(); i++) {
            chunksOfFrame.add(new ArrayList<>(1));
        }
        for (int chunk = 0; chunk < chunks.chunkCount(); chunk++) {
            chunksOfFrame.get(chunks.frameOf(chunk)).add(chunk);
        }
    }

    /**
     * @param problems takes what is wrong, as phrases
     * @throws IOException if the blob cannot be read
     */
    static void check(ImageDevice.Lazy device, Consumer<String> problems) throws IOException {
        try (Decoder decoder = device.chunks().codec().newDecoder()) {
            new BlobCheck(device, problems, decoder).run();
        }
    }

    private void run() throws IOException {
        long sizeBytes = device.storedBytes();
        Duration timeout = Duration.ofSeconds(60 + sizeBytes / SLOWEST_BYTES_PER_SECOND);
        try (ReadableByteChannel blob = device.source().open(0, sizeBytes, timeout)) {
            while (position < sizeBytes) {
                piece.clear();
                if (blob.read(piece) < 0) {
                    throw new EOFException(
                            device.source().describe() + " ends at byte " + position + " of " + sizeBytes);
                }
                piece.flip();
                whole.update(piece.duplicate());
                takeFrames();
            }
        }
        Digest found = Digest.ofHash(device.blob().algorithm(), whole.digest());
        if (!found.equals(device.blob())) {
            problems.accept("the blob's digest is " + found);
        }
        for (; nextFrame < frames.length; nextFrame++) {
            problems.accept(chunksOf(frames[nextFrame]) + " reach over the end of the blob");
        }
    }

    /** Takes what frames need from the piece, and leaves it behind. */
    private void takeFrames() {
        long end = position + piece.remaining();
        while (nextFrame < frames.length && chunks.frameOffset(frames[nextFrame]) < end) {
            if (!take(frames[nextFrame], end)) {
                break;
            }
            nextFrame++;
        }
        position = end;
    }

    /** Whether the frame is done with; if not, its next bytes are in the next piece. */
    private boolean take(int number, long end) {
        long start = chunks.frameOffset(number);
        int sizeBytes = chunks.frameStoredSizeBytes(number);
        if (start >= position) {
            frame = cleared(frame, sizeBytes);
        } else if (frame.position() == 0 || frame.limit() != sizeBytes) {
            problems.accept(chunksOf(number) + " lie within other chunks");
            return true;
        }
        int from = Math.toIntExact(Math.max(start, position) - position);
        int count = (int) Math.min(frame.remaining(), end - position - from);
        frame.put(piece.slice(piece.position() + from, count));
        if (frame.hasRemaining()) {
            return false;
        }
        verify(number);
        frame.clear().limit(0);
        return true;
    }

    private void verify(int number) {
        int sizeBytes = chunks.frameSizeBytes(number);
        decoded = cleared(decoded, sizeBytes);
        frame.flip();
        try {
            if (frame.remaining() == sizeBytes || chunks.codec() == Codec.NONE) {
                decoded.put(frame);
            } else {
                decoder.decode(frame, decoded);
            }
        } catch (CorruptFrameException e) {
            problems.accept(chunksOf(number) + ": " + e.getMessage());
            return;
        }
        for (int chunk : chunksOfFrame.get(number)) {
            hasher.update(decoded.slice(chunks.offsetInFrame(chunk), chunks.sizeBytes(chunk)));
            if (!chunks.hasDigest(chunk, hasher.digest())) {
                problems.accept("chunk " + chunk + " (device offset " + chunks.deviceOffset(chunk) + ", stored at byte "
                        + chunks.frameOffset(number) + ") has another digest than the image says");
            }
        }
    }

    private String chunksOf(int number) {
        return "chunks " + chunksOfFrame.get(number) + " (stored at byte " + chunks.frameOffset(number) + ")";
    }

    private static ByteBuffer cleared(ByteBuffer buffer, int sizeBytes) {
        ByteBuffer large = buffer.capacity() < sizeBytes ? ByteBuffer.allocateDirect(sizeBytes) : buffer;
        return large.clear().limit(sizeBytes);
    }
}
