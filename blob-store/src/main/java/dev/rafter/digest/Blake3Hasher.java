package dev.rafter.digest;

import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * BLAKE3 with an output of 32 bytes, without key. Input is cut into chunks of 1024 bytes, which are the leaves of a binary tree: the
 * chaining values of complete subtrees wait on a stack until their sibling is known.
 *
 * @see <a href="https://github.com/BLAKE3-team/BLAKE3-specs/blob/master/blake3.pdf">BLAKE3, section 2</a>
 */
final class Blake3Hasher implements Hasher {
    private static final int BLOCK_SIZE_BYTES = 64;
    private static final int CHUNK_SIZE_BYTES = 1024;
    private static final int CV_SIZE_BYTES = 32;
    /** Of 2^54 chunks, the most that 2^64 bytes have. */
    private static final int MAX_TREE_DEPTH = 54;

    private static final int CHUNK_START = 1;
    private static final int CHUNK_END = 2;
    private static final int PARENT = 4;
    private static final int ROOT = 8;

    private final byte[] chunk = new byte[CHUNK_SIZE_BYTES];
    private int chunkLength;
    private long chunkCounter;
    private final byte[] stack = new byte[(MAX_TREE_DEPTH + 1) * CV_SIZE_BYTES];
    private int stackDepth;
    private final int[] cv = new int[8];

    @Override
    public void update(ByteBuffer bytes) {
        if (bytes.hasArray()) {
            update(bytes.array(), bytes.arrayOffset() + bytes.position(), bytes.remaining());
            bytes.position(bytes.limit());
            return;
        }
        while (bytes.hasRemaining()) {
            finishFullChunk();
            int part = Math.min(bytes.remaining(), CHUNK_SIZE_BYTES - chunkLength);
            bytes.get(chunk, chunkLength, part);
            chunkLength += part;
        }
    }

    @Override
    public void update(byte[] bytes, int offset, int length) {
        int at = offset;
        int end = offset + length;
        while (at < end) {
            finishFullChunk();
            if (chunkLength == 0 && end - at > CHUNK_SIZE_BYTES) {
                addChunk(bytes, at);
                at += CHUNK_SIZE_BYTES;
            } else {
                int part = Math.min(end - at, CHUNK_SIZE_BYTES - chunkLength);
                System.arraycopy(bytes, at, chunk, chunkLength, part);
                chunkLength += part;
                at += part;
            }
        }
    }

    @Override
    public byte[] digest() {
        compressLastChunk(stackDepth == 0 ? ROOT : 0);
        while (stackDepth > 0) {
            Blake3Compression.putWords(cv, stack, stackDepth * CV_SIZE_BYTES);
            stackDepth--;
            compressParent(stackDepth, stackDepth == 0 ? PARENT | ROOT : PARENT);
        }
        byte[] result = new byte[DigestAlgorithm.DIGEST_SIZE_BYTES];
        Blake3Compression.putWords(cv, result, 0);
        chunkLength = 0;
        chunkCounter = 0;
        return result;
    }

    /** A full chunk is only compressed when more input comes: the last chunk may be the root. */
    private void finishFullChunk() {
        if (chunkLength == CHUNK_SIZE_BYTES) {
            addChunk(chunk, 0);
            chunkLength = 0;
        }
    }

    private void addChunk(byte[] bytes, int offset) {
        setInitialValue();
        int last = CHUNK_SIZE_BYTES - BLOCK_SIZE_BYTES;
        for (int at = 0; at <= last; at += BLOCK_SIZE_BYTES) {
            int flags = (at == 0 ? CHUNK_START : 0) | (at == last ? CHUNK_END : 0);
            Blake3Compression.compress(cv, bytes, offset + at, chunkCounter, BLOCK_SIZE_BYTES, flags);
        }
        chunkCounter++;
        mergeCompleteSubtrees();
        Blake3Compression.putWords(cv, stack, stackDepth * CV_SIZE_BYTES);
        stackDepth++;
    }

    /** As many subtrees end with this chunk as its number (counted from 1) has trailing zero bits. */
    private void mergeCompleteSubtrees() {
        for (long chunks = chunkCounter; (chunks & 1) == 0; chunks >>= 1) {
            Blake3Compression.putWords(cv, stack, stackDepth * CV_SIZE_BYTES);
            stackDepth--;
            compressParent(stackDepth, PARENT);
        }
    }

    /** The parent of the two chaining values at this depth of the stack. */
    private void compressParent(int depth, int flags) {
        setInitialValue();
        Blake3Compression.compress(cv, stack, depth * CV_SIZE_BYTES, 0, BLOCK_SIZE_BYTES, flags);
    }

    private void compressLastChunk(int rootFlag) {
        Arrays.fill(chunk, chunkLength, CHUNK_SIZE_BYTES, (byte) 0);
        setInitialValue();
        int at = 0;
        while (chunkLength - at > BLOCK_SIZE_BYTES) {
            Blake3Compression.compress(cv, chunk, at, chunkCounter, BLOCK_SIZE_BYTES, at == 0 ? CHUNK_START : 0);
            at += BLOCK_SIZE_BYTES;
        }
        int flags = (at == 0 ? CHUNK_START : 0) | CHUNK_END | rootFlag;
        Blake3Compression.compress(cv, chunk, at, chunkCounter, chunkLength - at, flags);
    }

    private void setInitialValue() {
        cv[0] = Blake3Compression.IV0;
        cv[1] = Blake3Compression.IV1;
        cv[2] = Blake3Compression.IV2;
        cv[3] = Blake3Compression.IV3;
        cv[4] = Blake3Compression.IV4;
        cv[5] = Blake3Compression.IV5;
        cv[6] = Blake3Compression.IV6;
        cv[7] = Blake3Compression.IV7;
    }
}
