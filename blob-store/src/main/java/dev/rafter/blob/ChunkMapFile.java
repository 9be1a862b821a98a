package dev.rafter.blob;

import dev.rafter.codec.Codec;
import dev.rafter.digest.DigestAlgorithm;
import dev.rafter.format.CorruptImageException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.zip.CRC32C;

/**
 * The file {@code chunks}: a {@link ChunkMap} on disk, so that what is in a cache file can be trusted and completed after a restart
 * without any registry. Little endian.
 *
 * <pre>
 *   Chunk map  --&gt; Header, Frame^frames, Chunk^chunks
 *   Header     --&gt; Magic, Version, DigestAlgorithm, Codec, 2 zeros, DeviceSize, Frames, Chunks, BodyCrc, HeaderCrc, 24 zeros    64 bytes
 *   Frame      --&gt; Offset, StoredSize, Size                                                                                  16 bytes
 *   Chunk      --&gt; DeviceOffset, Size, Frame, OffsetInFrame, u32 zero, Digest                                                56 bytes
 *
 *    0               8       12  13  14  16              24      28      32      36      40                      64
 *   +---------------+-------+---+---+---+---------------+-------+-------+-------+-------+-----------------------+
 *   | "RFCHUNK1"    |version|dig|cod| 0 | device size   |frames |chunks |bodycrc|hdr crc|  zeros                |
 *   +---------------+-------+---+---+---+---------------+-------+-------+-------+-------+-----------------------+
 *
 *    0               8               16   Frame          0               8       12      16      20      24                   56
 *   +---------------+-------+-------+                   +---------------+-------+-------+-------+-------+-------- ... -------+
 *   | offset        |stored | size  |                   | device offset |size   |frame  |in fr. | 0     | digest             |
 *   +---------------+-------+-------+                   +---------------+-------+-------+-------+-------+-------- ... -------+
 * </pre>
 *
 * <p>Digest algorithm and codec are written as the numbers of {@link #DIGESTS} and {@link #CODECS}. CRCs are CRC-32C. The file is
 * replaced in one step, never changed in place.
 */
final class ChunkMapFile {
    private static final long MAGIC = 0x314b4e5548434652L; // "RFCHUNK1"
    private static final int VERSION = 1;
    /** Order matters: the position is what is on disk. */
    private static final DigestAlgorithm[] DIGESTS = {DigestAlgorithm.SHA256, DigestAlgorithm.BLAKE3};

    private static final Codec[] CODECS = {Codec.NONE, Codec.LZ4_BLOCK, Codec.ZSTD, Codec.GZIP};

    private static final int VERSION_OFFSET = 8;
    private static final int DIGEST_OFFSET = 12;
    private static final int CODEC_OFFSET = 13;
    private static final int DEVICE_SIZE_OFFSET = 16;
    private static final int FRAMES_OFFSET = 24;
    private static final int CHUNKS_OFFSET = 28;
    private static final int BODY_CRC_OFFSET = 32;
    private static final int HEADER_CRC_OFFSET = 36;
    private static final int HEADER_SIZE_BYTES = 64;
    private static final int FRAME_SIZE_BYTES = 16;
    private static final int CHUNK_SIZE_BYTES = 56;
    /** A multiple of both record sizes. */
    private static final int BUFFER_SIZE_BYTES = 512 * FRAME_SIZE_BYTES * 7;

    private ChunkMapFile() {}

    /** Writes a map; it replaces the file in one step. */
    static void write(Path file, ChunkMap map) throws IOException {
        AtomicFiles.replace(file, target -> {
            target.position(HEADER_SIZE_BYTES);
            CRC32C crc = new CRC32C();
            encodeBody(map, bytes -> {
                crc.update(bytes.duplicate());
                writeFully(target, bytes);
            });
            target.position(0);
            writeFully(target, header(map, (int) crc.getValue()));
        });
    }

    private static void writeFully(FileChannel target, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            target.write(bytes);
        }
    }

    /** SHA-256 of the map as it would be written. */
    static byte[] sha256(ChunkMap map) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            digest.update(header(map, 0));
            encodeBody(map, digest::update);
            return digest.digest();
        } catch (NoSuchAlgorithmException | IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static ByteBuffer allocate(int sizeBytes) {
        return ByteBuffer.allocate(sizeBytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static ByteBuffer header(ChunkMap map, int bodyCrc) {
        ByteBuffer header = allocate(HEADER_SIZE_BYTES)
                .putLong(0, MAGIC)
                .putInt(VERSION_OFFSET, VERSION)
                .put(DIGEST_OFFSET, numberOf(DIGESTS, map.digestAlgorithm()))
                .put(CODEC_OFFSET, numberOf(CODECS, map.codec()))
                .putLong(DEVICE_SIZE_OFFSET, map.deviceSizeBytes())
                .putInt(FRAMES_OFFSET, map.frameCount())
                .putInt(CHUNKS_OFFSET, map.chunkCount())
                .putInt(BODY_CRC_OFFSET, bodyCrc);
        return header.putInt(HEADER_CRC_OFFSET, headerCrc(header));
    }

    private static <E extends Enum<E>> byte numberOf(E[] order, E value) {
        for (byte i = 0; i < order.length; i++) {
            if (order[i] == value) {
                return i;
            }
        }
        throw new IllegalArgumentException("no number on disk: " + value);
    }

    private static int headerCrc(ByteBuffer header) {
        CRC32C crc = new CRC32C();
        crc.update(header.duplicate().position(0).limit(HEADER_CRC_OFFSET));
        return (int) crc.getValue();
    }

    private interface Sink {
        void accept(ByteBuffer bytes) throws IOException;
    }

    private static void encodeBody(ChunkMap map, Sink sink) throws IOException {
        ByteBuffer buffer = allocate(BUFFER_SIZE_BYTES);
        for (int frame = 0; frame < map.frameCount(); frame++) {
            buffer.putLong(map.frameOffset(frame))
                    .putInt(map.frameStoredSizeBytes(frame))
                    .putInt(map.frameSizeBytes(frame));
            drainIfBelow(buffer, FRAME_SIZE_BYTES, sink);
        }
        drainIfBelow(buffer, CHUNK_SIZE_BYTES, sink);
        for (int chunk = 0; chunk < map.chunkCount(); chunk++) {
            buffer.putLong(map.deviceOffset(chunk))
                    .putInt(map.sizeBytes(chunk))
                    .putInt(map.frameOf(chunk))
                    .putInt(map.offsetInFrame(chunk))
                    .putInt(0)
                    .put(map.digest(chunk));
            drainIfBelow(buffer, CHUNK_SIZE_BYTES, sink);
        }
        drainIfBelow(buffer, Integer.MAX_VALUE, sink);
    }

    private static void drainIfBelow(ByteBuffer buffer, int room, Sink sink) throws IOException {
        if (buffer.remaining() < room) {
            sink.accept(buffer.flip());
            buffer.clear();
        }
    }

    /**
     * @throws CorruptImageException if the file is torn, truncated, garbage or of another version
     */
    static ChunkMap read(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            return new Reader(channel, file.toString()).read();
        } catch (IllegalArgumentException e) {
            throw new CorruptImageException(
                    "chunk map breaks its own rules: " + e.getMessage(), file.toString(), HEADER_SIZE_BYTES, e);
        }
    }

    /** Reads one file, record by record. */
    private static final class Reader {
        private final FileChannel channel;
        private final String resource;
        private final CRC32C crc = new CRC32C();
        private ByteBuffer buffer = allocate(0);
        private long position;

        Reader(FileChannel channel, String resource) {
            this.channel = channel;
            this.resource = resource;
        }

        ChunkMap read() throws IOException {
            ByteBuffer header = readBytes(HEADER_SIZE_BYTES);
            int frames = header.getInt(FRAMES_OFFSET);
            int chunks = header.getInt(CHUNKS_OFFSET);
            checkHeader(header, frames, chunks);
            ChunkMap.Builder map = ChunkMap.builder(
                    DIGESTS[header.get(DIGEST_OFFSET)],
                    CODECS[header.get(CODEC_OFFSET)],
                    header.getLong(DEVICE_SIZE_OFFSET));
            map.expect(frames, chunks);
            for (int i = 0; i < frames; i++) {
                ByteBuffer record = record(FRAME_SIZE_BYTES);
                map.addFrame(record.getLong(), record.getInt(), record.getInt());
            }
            byte[] digest = new byte[DigestAlgorithm.DIGEST_SIZE_BYTES];
            for (int i = 0; i < chunks; i++) {
                ByteBuffer record = record(CHUNK_SIZE_BYTES);
                addChunk(map, record, frames, digest);
            }
            if ((int) crc.getValue() != header.getInt(BODY_CRC_OFFSET)) {
                throw corrupt("body has another CRC than the header says", HEADER_SIZE_BYTES);
            }
            return map.build();
        }

        private void checkHeader(ByteBuffer header, int frames, int chunks) throws IOException {
            if (header.getLong(0) != MAGIC || header.getInt(HEADER_CRC_OFFSET) != headerCrc(header)) {
                throw corrupt("no header of a chunk map", 0);
            }
            if (header.getInt(VERSION_OFFSET) != VERSION
                    || Byte.toUnsignedInt(header.get(DIGEST_OFFSET)) >= DIGESTS.length
                    || Byte.toUnsignedInt(header.get(CODEC_OFFSET)) >= CODECS.length) {
                throw corrupt("chunk map of another version", VERSION_OFFSET);
            }
            long size = HEADER_SIZE_BYTES + (long) frames * FRAME_SIZE_BYTES + (long) chunks * CHUNK_SIZE_BYTES;
            if (frames < 0 || chunks < 0 || channel.size() != size) {
                throw corrupt("file has " + channel.size() + " bytes, not the " + size + " of its counts", 0);
            }
        }

        private static void addChunk(ChunkMap.Builder map, ByteBuffer record, int frames, byte[] digest) {
            long deviceOffset = record.getLong();
            int sizeBytes = record.getInt();
            int frame = record.getInt();
            int offsetInFrame = record.getInt();
            record.getInt();
            record.get(digest);
            if (frame < 0 || frame >= frames) {
                throw new IllegalArgumentException("frame=" + frame + " of " + frames);
            }
            map.addChunk(deviceOffset, sizeBytes, digest, frame, offsetInFrame);
        }

        /** The buffer, positioned at a whole record. */
        private ByteBuffer record(int sizeBytes) throws IOException {
            if (buffer.remaining() < sizeBytes) {
                long rest = channel.size() - position;
                ByteBuffer carried = buffer;
                ByteBuffer fresh = readBytes((int) Math.min(BUFFER_SIZE_BYTES, rest));
                crc.update(fresh.duplicate());
                buffer = allocate(carried.remaining() + fresh.remaining())
                        .put(carried)
                        .put(fresh)
                        .flip();
            }
            if (buffer.remaining() < sizeBytes) {
                throw corrupt("file ends inside a record", position);
            }
            return buffer;
        }

        private ByteBuffer readBytes(int sizeBytes) throws IOException {
            ByteBuffer bytes = allocate(sizeBytes);
            while (bytes.hasRemaining()) {
                if (channel.read(bytes) < 0) {
                    throw corrupt("file ends early", position + bytes.position());
                }
            }
            position += sizeBytes;
            return bytes.flip();
        }

        private CorruptImageException corrupt(String problem, long offset) {
            return new CorruptImageException(problem, resource, offset);
        }
    }
}
