package dev.rafter.format.erofs;

import java.util.List;
import java.util.UUID;

/**
 * How {@link ErofsWriter} writes an image. The same tree with the same options gives the same bytes.
 *
 * @param dialect RAFS v6 has no superblock checksum and no shared xattrs, all its regular files are chunk-based, and chunk indexes hold
 *     {@link dev.rafter.format.FileNode.ChunkRef#index()} as well
 * @param blockBits log2 of the block size, 9 to 12
 * @param uuid all zeros if nobody needs to tell images apart by it
 * @param volumeName byte string of at most 15 bytes
 * @param epochSeconds time that compact inodes have
 * @param epochNanos its nanoseconds
 * @param compactInodes inodes of 32 bytes where nothing is lost; else all have 64
 * @param devices the device table, in order
 * @param extensionSize bytes between superblock and device table (RAFS v6 only), left zero for the caller to fill
 * @param tablesSize bytes of the caller's tables, block aligned between device table and metadata, left zero; see {@link ErofsWriter#tablesOffset()}
 * @param chunkBits log2 of the chunk size that chunk-based inodes state; 0: each file's own
 * @param contiguousFilesAsOneChunk a file of several chunks that lie in a row states one chunk as large as itself, and still has an
 *     index for each (RAFS v6 only): the kernel then maps it at once
 */
public record ErofsOptions(
        Dialect dialect,
        int blockBits,
        UUID uuid,
        String volumeName,
        long epochSeconds,
        int epochNanos,
        boolean compactInodes,
        List<Device> devices,
        int extensionSize,
        long tablesSize,
        int chunkBits,
        boolean contiguousFilesAsOneChunk) {

    private static final int MAX_VOLUME_NAME = 15;
    private static final int MAX_DEVICES = 65535;
    private static final long MAX_BLOCKS = 0xFFFF_FFFFL;

    public ErofsOptions {
        require(
                blockBits >= ErofsLayout.MIN_BLOCK_BITS && blockBits <= ErofsLayout.MAX_BLOCK_BITS,
                "blockBits=" + blockBits);
        require(volumeName.length() <= MAX_VOLUME_NAME, "volumeName of " + volumeName.length() + " bytes");
        require(epochNanos >= 0 && epochNanos < 1_000_000_000, "epochNanos=" + epochNanos);
        require(devices.size() <= MAX_DEVICES, devices.size() + " devices");
        require(extensionSize >= 0 && tablesSize >= 0, "negative size");
        require(chunkBits == 0 || (chunkBits >= blockBits && chunkBits <= 31), "chunkBits=" + chunkBits);
        require(dialect == Dialect.RAFS_V6 || extensionSize == 0, "an extension would spoil the superblock's checksum");
        require(dialect == Dialect.RAFS_V6 || !contiguousFilesAsOneChunk, "contiguousFilesAsOneChunk in plain EROFS");
        devices = List.copyOf(devices);
        devices.forEach(ErofsOptions::check);
    }

    private static void check(Device device) {
        require(
                device.tag().length() <= ErofsLayout.DeviceSlot.TAG_SIZE,
                "tag of " + device.tag().length() + " bytes");
        require(device.blocks() >= 0 && device.blocks() <= MAX_BLOCKS, device + " has too many blocks");
        require(device.mappedBlock() >= 0 && device.mappedBlock() <= MAX_BLOCKS, device + " is mapped too far");
    }

    private static void require(boolean holds, String what) {
        if (!holds) {
            throw new IllegalArgumentException(what);
        }
    }

    public int blockSize() {
        return 1 << blockBits;
    }

    /** Options of a plain image with blocks of 4096 bytes, without devices, all times kept. */
    public static Builder builder() {
        return new Builder();
    }

    /** Collects options. */
    public static final class Builder {
        private Dialect dialect = Dialect.EROFS;
        private int blockBits = ErofsLayout.MAX_BLOCK_BITS;
        private UUID uuid = new UUID(0, 0);
        private String volumeName = "";
        private long epochSeconds;
        private int epochNanos;
        private boolean compactInodes = true;
        private List<Device> devices = List.of();
        private int extensionSize;
        private long tablesSize;
        private int chunkBits;
        private boolean contiguousFilesAsOneChunk;

        private Builder() {}

        public Builder dialect(Dialect value) {
            dialect = value;
            return this;
        }

        public Builder blockBits(int value) {
            blockBits = value;
            return this;
        }

        public Builder uuid(UUID value) {
            uuid = value;
            return this;
        }

        public Builder volumeName(String value) {
            volumeName = value;
            return this;
        }

        public Builder epoch(long seconds, int nanos) {
            epochSeconds = seconds;
            epochNanos = nanos;
            return this;
        }

        public Builder compactInodes(boolean value) {
            compactInodes = value;
            return this;
        }

        public Builder devices(List<Device> value) {
            devices = value;
            return this;
        }

        public Builder extensionSize(int value) {
            extensionSize = value;
            return this;
        }

        public Builder tablesSize(long value) {
            tablesSize = value;
            return this;
        }

        public Builder chunkBits(int value) {
            chunkBits = value;
            return this;
        }

        public Builder contiguousFilesAsOneChunk(boolean value) {
            contiguousFilesAsOneChunk = value;
            return this;
        }

        public ErofsOptions build() {
            return new ErofsOptions(
                    dialect,
                    blockBits,
                    uuid,
                    volumeName,
                    epochSeconds,
                    epochNanos,
                    compactInodes,
                    devices,
                    extensionSize,
                    tablesSize,
                    chunkBits,
                    contiguousFilesAsOneChunk);
        }
    }
}
