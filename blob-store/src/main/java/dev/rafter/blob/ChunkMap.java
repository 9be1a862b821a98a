package dev.rafter.blob;

import dev.rafter.codec.Codec;
import dev.rafter.digest.DigestAlgorithm;
import java.util.Arrays;

/**
 * Which chunks a blob's device has, what their digests are, and where their bytes lie: {@code uncompressed range -> digest, codec,
 * compressed range}. Immutable, in flat arrays: about 70 bytes a chunk.
 *
 * <p>A chunk is a range of the device; chunks are ordered by device offset and do not overlap, but there may be gaps between them
 * (padding, or chunks that this image does not use). A frame is a range of the blob's stored bytes that is decoded alone; it holds one
 * chunk or several.
 */
public final class ChunkMap {
    private final DigestAlgorithm digestAlgorithm;
    private final Codec codec;
    private final long deviceSizeBytes;
    private final int chunks;
    private final long[] deviceOffsets;
    private final int[] sizes;
    private final byte[] digests;
    private final int[] frames;
    private final int[] offsetsInFrame;
    private final long[] frameOffsets;
    private final int[] frameStoredSizes;
    private final int[] frameSizes;

    private ChunkMap(Builder from) {
        digestAlgorithm = from.digestAlgorithm;
        codec = from.codec;
        deviceSizeBytes = from.deviceSizeBytes;
        chunks = from.chunks;
        from.setChunkCapacity(chunks);
        from.setFrameCapacity(from.frameCount);
        deviceOffsets = from.deviceOffsets;
        sizes = from.sizes;
        digests = from.digests;
        frames = from.frames;
        offsetsInFrame = from.offsetsInFrame;
        frameOffsets = from.frameOffsets;
        frameStoredSizes = from.frameStoredSizes;
        frameSizes = from.frameSizes;
    }

    public static Builder builder(DigestAlgorithm digestAlgorithm, Codec codec, long deviceSizeBytes) {
        return new Builder(digestAlgorithm, codec, deviceSizeBytes);
    }

    public DigestAlgorithm digestAlgorithm() {
        return digestAlgorithm;
    }

    /** How frames are stored; a frame whose stored size equals its size is stored as it is, whatever the codec. */
    public Codec codec() {
        return codec;
    }

    /** Size of the device in bytes: of the cache file. */
    public long deviceSizeBytes() {
        return deviceSizeBytes;
    }

    public int chunkCount() {
        return chunks;
    }

    /** First byte of a chunk in the device. */
    public long deviceOffset(int chunk) {
        return deviceOffsets[chunk];
    }

    public int sizeBytes(int chunk) {
        return sizes[chunk];
    }

    /** Copies a chunk's digest. */
    public byte[] digest(int chunk) {
        int from = chunk * DigestAlgorithm.DIGEST_SIZE_BYTES;
        return Arrays.copyOfRange(digests, from, from + DigestAlgorithm.DIGEST_SIZE_BYTES);
    }

    /** Whether a chunk has this digest. */
    public boolean hasDigest(int chunk, byte[] digest) {
        int from = chunk * DigestAlgorithm.DIGEST_SIZE_BYTES;
        return Arrays.equals(digests, from, from + DigestAlgorithm.DIGEST_SIZE_BYTES, digest, 0, digest.length);
    }

    /** The frame that holds a chunk. */
    public int frameOf(int chunk) {
        return frames[chunk];
    }

    /** Where a chunk begins in its decoded frame. */
    public int offsetInFrame(int chunk) {
        return offsetsInFrame[chunk];
    }

    public int frameCount() {
        return frameOffsets.length;
    }

    /** First stored byte of a frame in the blob. */
    public long frameOffset(int frame) {
        return frameOffsets[frame];
    }

    /** Stored bytes of a frame. */
    public int frameStoredSizeBytes(int frame) {
        return frameStoredSizes[frame];
    }

    /** Decoded bytes of a frame. */
    public int frameSizeBytes(int frame) {
        return frameSizes[frame];
    }

    /** The first chunk that ends after this device offset; {@link #chunkCount()} if there is none. */
    public int firstChunkEndingAfter(long deviceOffset) {
        int found = Arrays.binarySearch(deviceOffsets, deviceOffset);
        if (found >= 0) {
            return found;
        }
        int before = -found - 2;
        if (before >= 0 && deviceOffsets[before] + sizes[before] > deviceOffset) {
            return before;
        }
        return before + 1;
    }

    /** Collects a map. Frames are added before the chunks that they hold; chunks in ascending order of device offset. */
    public static final class Builder {
        private final DigestAlgorithm digestAlgorithm;
        private final Codec codec;
        private final long deviceSizeBytes;
        private int chunks;
        private long[] deviceOffsets = new long[0];
        private int[] sizes = new int[0];
        private byte[] digests = new byte[0];
        private int[] frames = new int[0];
        private int[] offsetsInFrame = new int[0];
        private int frameCount;
        private long[] frameOffsets = new long[0];
        private int[] frameStoredSizes = new int[0];
        private int[] frameSizes = new int[0];

        private Builder(DigestAlgorithm digestAlgorithm, Codec codec, long deviceSizeBytes) {
            this.digestAlgorithm = digestAlgorithm;
            this.codec = codec;
            this.deviceSizeBytes = deviceSizeBytes;
        }

        /** Makes room: if no more come than are expected, nothing is copied. */
        public Builder expect(int frameCount, int chunkCount) {
            setFrameCapacity(Math.max(this.frameCount, frameCount));
            setChunkCapacity(Math.max(chunks, chunkCount));
            return this;
        }

        private void setFrameCapacity(int capacity) {
            if (capacity != frameOffsets.length) {
                frameOffsets = Arrays.copyOf(frameOffsets, capacity);
                frameStoredSizes = Arrays.copyOf(frameStoredSizes, capacity);
                frameSizes = Arrays.copyOf(frameSizes, capacity);
            }
        }

        private void setChunkCapacity(int capacity) {
            if (capacity != sizes.length) {
                deviceOffsets = Arrays.copyOf(deviceOffsets, capacity);
                sizes = Arrays.copyOf(sizes, capacity);
                digests = Arrays.copyOf(digests, capacity * DigestAlgorithm.DIGEST_SIZE_BYTES);
                frames = Arrays.copyOf(frames, capacity);
                offsetsInFrame = Arrays.copyOf(offsetsInFrame, capacity);
            }
        }

        /**
         * @return the frame's number
         */
        public int addFrame(long offset, int storedSizeBytes, int sizeBytes) {
            if (offset < 0 || storedSizeBytes < 1 || sizeBytes < 1) {
                throw new IllegalArgumentException(
                        "frame offset=" + offset + " storedSizeBytes=" + storedSizeBytes + " sizeBytes=" + sizeBytes);
            }
            if (frameCount == frameOffsets.length) {
                setFrameCapacity(Math.max(16, 2 * frameCount));
            }
            frameOffsets[frameCount] = offset;
            frameStoredSizes[frameCount] = storedSizeBytes;
            frameSizes[frameCount] = sizeBytes;
            return frameCount++;
        }

        /**
         * @param digest 32 bytes, copied
         * @throws IllegalArgumentException if the chunk overlaps the one before, leaves the device, or leaves its frame
         */
        public Builder addChunk(long deviceOffset, int sizeBytes, byte[] digest, int frame, int offsetInFrame) {
            long end = chunks == 0 ? 0 : deviceOffsets[chunks - 1] + sizes[chunks - 1];
            if (deviceOffset < end || sizeBytes < 1 || deviceOffset > deviceSizeBytes - sizeBytes) {
                throw new IllegalArgumentException("chunk deviceOffset=" + deviceOffset + " sizeBytes=" + sizeBytes
                        + " endOfLast=" + end + " deviceSizeBytes=" + deviceSizeBytes);
            }
            if (offsetInFrame < 0 || offsetInFrame > frameSizes[frame] - sizeBytes) {
                throw new IllegalArgumentException("chunk offsetInFrame=" + offsetInFrame + " sizeBytes=" + sizeBytes
                        + " frameSizeBytes=" + frameSizes[frame]);
            }
            if (chunks == sizes.length) {
                setChunkCapacity(Math.max(16, 2 * chunks));
            }
            deviceOffsets[chunks] = deviceOffset;
            sizes[chunks] = sizeBytes;
            System.arraycopy(
                    digest, 0, digests, chunks * DigestAlgorithm.DIGEST_SIZE_BYTES, DigestAlgorithm.DIGEST_SIZE_BYTES);
            frames[chunks] = frame;
            offsetsInFrame[chunks] = offsetInFrame;
            chunks++;
            return this;
        }

        public ChunkMap build() {
            return new ChunkMap(this);
        }
    }
}
