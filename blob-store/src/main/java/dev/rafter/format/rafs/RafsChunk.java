package dev.rafter.format.rafs;

/**
 * A chunk of a blob: what it is, where it lies in the blob's device, and which frame of the blob's stored bytes holds it.
 *
 * @param index its number in the blob
 * @param deviceOffset first byte in the device
 * @param sizeBytes at least 1
 * @param frameOffset first stored byte of the frame in the blob
 * @param frameStoredSizeBytes stored bytes of the frame; the frame is stored as it is if they equal its size
 * @param frameSizeBytes bytes of the decoded frame: of the chunk itself, or of the batch that it belongs to
 * @param offsetInFrame where the chunk begins in the decoded frame
 * @param digest 32 bytes over the chunk's decoded bytes
 */
public record RafsChunk(
        int index,
        long deviceOffset,
        int sizeBytes,
        long frameOffset,
        int frameStoredSizeBytes,
        int frameSizeBytes,
        int offsetInFrame,
        byte[] digest) {}
