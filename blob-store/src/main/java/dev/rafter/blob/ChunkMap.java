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
        deviceOffsets = Arrays.copyOf(from.deviceOffsets, chunks);
        sizes = Arrays.copyOf(from.sizes, chunks);
        digests = Arrays.copyOf(from.digests, chunks * DigestAlgorithm.DIGEST_SIZE_BYTES);
        frames = Arrays.copyOf(from.frames, chunks);
        offsetsInFrame = Arrays.copyOf(from.offsetsInFrame, chunks);
        frameOffsets = Arrays.copyOf(from.frameOffsets, from.frameCount);
        frameStoredSizes = Arrays.copyOf(from.frameStoredSizes, from.frameCount);
        frameSizes = Arrays.copyOf(from.frameSizes, from.frameCount);
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
        private long[] deviceOffsets = new long[16];
        private int[] sizes = new int[16];
        private byte[] digests = new byte[16 * DigestAlgorithm.DIGEST_SIZE_BYTES];
        private int[] frames = new int[16];
        private int[] offsetsInFrame = new int[16];
        private int frameCount;
        private long[] frameOffsets = new long[16];
        private int[] frameStoredSizes = new int[16];
        private int[] frameSizes = new int[16];

        private Builder(DigestAlgorithm digestAlgorithm, Codec codec, long deviceSizeBytes) {
            this.digestAlgorithm = digestAlgorithm;
            this.codec = codec;
            this.deviceSizeBytes = deviceSizeBytes;
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
                frameOffsets = Arrays.copyOf(frameOffsets, 2 * frameCount);
                frameStoredSizes = Arrays.copyOf(frameStoredSizes, 2 * frameCount);
                frameSizes = Arrays.copyOf(frameSizes, 2 * frameCount);
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
                deviceOffsets = Arrays.copyOf(deviceOffsets, 2 * chunks);
                sizes = Arrays.copyOf(sizes, 2 * chunks);
                digests = Arrays.copyOf(digests, 2 * digests.length);
                frames = Arrays.copyOf(frames, 2 * chunks);
                offsetsInFrame = Arrays.copyOf(offsetsInFrame, 2 * chunks);
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
