package dev.rafter.format.rafs;

import dev.rafter.digest.DigestAlgorithm;
import java.util.Arrays;

/**
 * Chunks of one blob, by number, which is also the order of their device offsets. There may be fewer than the blob has: those that an
 * image uses. Immutable, in flat arrays.
 */
public final class RafsChunks {
    private final int count;
    private final int[] indexes;
    private final long[] deviceOffsets;
    private final int[] sizes;
    private final long[] frameOffsets;
    private final int[] frameStoredSizes;
    private final int[] frameSizes;
    private final int[] offsetsInFrame;
    private final byte[] digests;

    private RafsChunks(Builder from) {
        count = from.count;
        from.setCapacity(count);
        indexes = from.indexes;
        deviceOffsets = from.deviceOffsets;
        sizes = from.sizes;
        frameOffsets = from.frameOffsets;
        frameStoredSizes = from.frameStoredSizes;
        frameSizes = from.frameSizes;
        offsetsInFrame = from.offsetsInFrame;
        digests = from.digests;
    }

    public int count() {
        return count;
    }

    /**
     * A chunk by position.
     *
     * @param position 0 to {@link #count()} - 1
     */
    public RafsChunk get(int position) {
        int digest = position * DigestAlgorithm.DIGEST_SIZE_BYTES;
        return new RafsChunk(
                indexes[position],
                deviceOffsets[position],
                sizes[position],
                frameOffsets[position],
                frameStoredSizes[position],
                frameSizes[position],
                offsetsInFrame[position],
                Arrays.copyOfRange(digests, digest, digest + DigestAlgorithm.DIGEST_SIZE_BYTES));
    }

    /** The position of the chunk with this number in the blob; negative if it is not among these. */
    public int positionOf(int index) {
        return index < count && indexes[Math.max(index, 0)] == index ? index : Arrays.binarySearch(indexes, index);
    }

    /** Device offset of the chunk at a position. */
    public long deviceOffset(int position) {
        return deviceOffsets[position];
    }

    /** Size of the chunk at a position. */
    public int sizeBytes(int position) {
        return sizes[position];
    }

    /** Collects chunks in the order of their numbers. */
    static final class Builder {
        private static final int FIRST_CAPACITY = 64;

        private int count;
        private int[] indexes;
        private long[] deviceOffsets;
        private int[] sizes;
        private long[] frameOffsets;
        private int[] frameStoredSizes;
        private int[] frameSizes;
        private int[] offsetsInFrame;
        private byte[] digests;

        Builder() {
            this(FIRST_CAPACITY);
        }

        /** @param capacity how many are expected: if so many come, nothing is copied */
        Builder(int capacity) {
            indexes = new int[capacity];
            deviceOffsets = new long[capacity];
            sizes = new int[capacity];
            frameOffsets = new long[capacity];
            frameStoredSizes = new int[capacity];
            frameSizes = new int[capacity];
            offsetsInFrame = new int[capacity];
            digests = new byte[capacity * DigestAlgorithm.DIGEST_SIZE_BYTES];
        }

        void add(RafsChunk chunk) {
            if (count > 0 && (chunk.index() <= indexes[count - 1] || chunk.deviceOffset() < end())) {
                throw new IllegalArgumentException("chunk out of order: " + chunk);
            }
            if (count == indexes.length) {
                setCapacity(Math.max(FIRST_CAPACITY, 2 * count));
            }
            indexes[count] = chunk.index();
            deviceOffsets[count] = chunk.deviceOffset();
            sizes[count] = chunk.sizeBytes();
            frameOffsets[count] = chunk.frameOffset();
            frameStoredSizes[count] = chunk.frameStoredSizeBytes();
            frameSizes[count] = chunk.frameSizeBytes();
            offsetsInFrame[count] = chunk.offsetInFrame();
            System.arraycopy(
                    chunk.digest(),
                    0,
                    digests,
                    count * DigestAlgorithm.DIGEST_SIZE_BYTES,
                    DigestAlgorithm.DIGEST_SIZE_BYTES);
            count++;
        }

        /** The first byte of the device behind the last chunk. */
        long end() {
            return count == 0 ? 0 : deviceOffsets[count - 1] + sizes[count - 1];
        }

        int count() {
            return count;
        }

        private void setCapacity(int capacity) {
            if (capacity == indexes.length) {
                return;
            }
            indexes = Arrays.copyOf(indexes, capacity);
            deviceOffsets = Arrays.copyOf(deviceOffsets, capacity);
            sizes = Arrays.copyOf(sizes, capacity);
            frameOffsets = Arrays.copyOf(frameOffsets, capacity);
            frameStoredSizes = Arrays.copyOf(frameStoredSizes, capacity);
            frameSizes = Arrays.copyOf(frameSizes, capacity);
            offsetsInFrame = Arrays.copyOf(offsetsInFrame, capacity);
            digests = Arrays.copyOf(digests, capacity * DigestAlgorithm.DIGEST_SIZE_BYTES);
        }

        RafsChunks build() {
            return new RafsChunks(this);
        }
    }
}
