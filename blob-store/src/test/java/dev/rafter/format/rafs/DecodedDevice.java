package dev.rafter.format.rafs;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.rafter.codec.Codec;
import dev.rafter.codec.Decoder;
import dev.rafter.digest.Hasher;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;

/** Decodes a whole blob into the bytes of its device, as a reader of images does it: every chunk's digest is checked. */
public final class DecodedDevice {
    private DecodedDevice() {}

    /** The devices of an image, in table order. */
    static List<MemorySegment> all(RafsBootstrap bootstrap, RafsFixture fixture) throws IOException {
        List<MemorySegment> devices = new ArrayList<>();
        for (RafsBlob blob : bootstrap.blobs()) {
            byte[] stored = Files.readAllBytes(fixture.blob(blob.id()));
            devices.add(MemorySegment.ofArray(decode(bootstrap, blob, stored)));
        }
        return devices;
    }

    public static byte[] decode(RafsBootstrap bootstrap, RafsBlob blob, byte[] stored) throws IOException {
        RafsChunks chunks =
                bootstrap.needsMeta(blob) ? bootstrap.chunks(blob, meta(blob, stored)) : bootstrap.chunks(blob);
        byte[] device = new byte[Math.toIntExact(blob.deviceSizeBytes())];
        Hasher hasher = blob.digestAlgorithm().newHasher();
        try (Decoder decoder = codec(blob.compressor()).newDecoder();
                Decoder asItIs = Codec.NONE.newDecoder()) {
            for (int i = 0; i < chunks.count(); i++) {
                RafsChunk chunk = chunks.get(i);
                boolean isStored = chunk.frameStoredSizeBytes() == chunk.frameSizeBytes();
                ByteBuffer frame = ByteBuffer.allocateDirect(chunk.frameSizeBytes());
                (isStored ? asItIs : decoder)
                        .decode(slice(stored, chunk.frameOffset(), chunk.frameStoredSizeBytes()), frame);
                ByteBuffer bytes = frame.slice(chunk.offsetInFrame(), chunk.sizeBytes());
                hasher.update(bytes.duplicate());
                assertArrayEquals(chunk.digest(), hasher.digest(), "digest of chunk " + chunk.index());
                bytes.get(device, Math.toIntExact(chunk.deviceOffset()), chunk.sizeBytes());
            }
        }
        return device;
    }

    static RafsBlobMeta meta(RafsBlob blob, byte[] stored) throws IOException {
        RafsBlob.Meta where = blob.meta();
        ByteBuffer infos = ByteBuffer.allocateDirect(Math.toIntExact(where.sizeBytes()));
        boolean isStored = where.sizeBytes() == where.storedSizeBytes();
        try (Decoder decoder = (isStored ? Codec.NONE : codec(where.compressor())).newDecoder()) {
            decoder.decode(slice(stored, where.offset(), where.storedSizeBytes()), infos);
        }
        ByteBuffer header = slice(stored, where.offset() + where.storedSizeBytes(), RafsLayout.MetaHeader.SIZE);
        return RafsBlobMeta.parse(
                blob, MemorySegment.ofBuffer(infos.flip()), MemorySegment.ofBuffer(header), blob.id());
    }

    static Codec codec(Compressor compressor) {
        return Codec.valueOf(compressor.name());
    }

    private static ByteBuffer slice(byte[] stored, long offset, long size) throws IOException {
        if (offset > stored.length - size) {
            throw new IOException("the blob ends before " + (offset + size));
        }
        return ByteBuffer.allocateDirect((int) size)
                .put(stored, (int) offset, (int) size)
                .flip();
    }
}
