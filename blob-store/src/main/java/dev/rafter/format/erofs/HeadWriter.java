package dev.rafter.format.erofs;

import dev.rafter.format.ByteStrings;
import dev.rafter.format.erofs.ErofsLayout.DeviceSlot;
import dev.rafter.format.erofs.ErofsLayout.SuperblockHeader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;

/** Makes the head of an image: superblock, room for an extension, device table. */
final class HeadWriter {
    private final ErofsOptions options;

    HeadWriter(ErofsOptions options) {
        this.options = options;
    }

    /** Sets fields of the superblock. */
    static final class Fields {
        private final ByteBuffer bytes;

        private Fields(ByteBuffer bytes) {
            this.bytes = bytes;
        }

        void u8(int field, int value) {
            bytes.put(field, (byte) value);
        }

        void u16(int field, int value) {
            bytes.putShort(field, (short) value);
        }

        void u32(int field, long value) {
            bytes.putInt(field, (int) value);
        }

        void u64(int field, long value) {
            bytes.putLong(field, value);
        }
    }

    /**
     * The bytes from the superblock to the end of the device table.
     *
     * @param layout sets what follows from the layout of the image
     */
    byte[] head(Consumer<Fields> layout, long deviceTableOffset) {
        List<Device> devices = options.devices();
        int tableStart = (int) (deviceTableOffset - ErofsLayout.SUPERBLOCK_OFFSET);
        ByteBuffer head = ByteBuffer.allocate(tableStart + devices.size() * DeviceSlot.SIZE)
                .order(ByteOrder.LITTLE_ENDIAN);
        Fields fields = new Fields(head);
        putOptions(fields, head);
        fields.u16(SuperblockHeader.EXTRA_DEVICES, devices.size());
        fields.u16(SuperblockHeader.DEVICE_TABLE_SLOT, deviceTableSlot(deviceTableOffset));
        for (int i = 0; i < devices.size(); i++) {
            putDevice(head, tableStart + i * DeviceSlot.SIZE, devices.get(i));
        }
        layout.accept(fields);
        if (options.dialect() == Dialect.EROFS) {
            fields.u32(SuperblockHeader.CHECKSUM, checksum(head.array()));
        }
        return head.array();
    }

    /** An image without devices says nothing about a table, but in RAFS v6, where it has its fixed place. */
    private int deviceTableSlot(long deviceTableOffset) {
        boolean said =
                options.dialect() == Dialect.RAFS_V6 || !options.devices().isEmpty();
        return said ? (int) (deviceTableOffset / DeviceSlot.SIZE) : 0;
    }

    private void putOptions(Fields fields, ByteBuffer head) {
        fields.u32(SuperblockHeader.MAGIC, ErofsLayout.MAGIC);
        fields.u32(
                SuperblockHeader.FEATURE_COMPAT,
                options.dialect() == Dialect.RAFS_V6
                        ? ErofsLayout.COMPAT_RAFS_V6
                        : ErofsLayout.COMPAT_CHECKSUM | ErofsLayout.COMPAT_MTIME);
        fields.u8(SuperblockHeader.BLOCK_BITS, options.blockBits());
        fields.u64(SuperblockHeader.EPOCH, options.epochSeconds());
        fields.u32(SuperblockHeader.FIXED_NANOS, options.epochNanos());
        head.order(ByteOrder.BIG_ENDIAN)
                .putLong(SuperblockHeader.UUID, options.uuid().getMostSignificantBits())
                .putLong(SuperblockHeader.UUID + Long.BYTES, options.uuid().getLeastSignificantBits())
                .order(ByteOrder.LITTLE_ENDIAN);
        head.put(SuperblockHeader.VOLUME_NAME, ByteStrings.bytes(options.volumeName()));
    }

    private static void putDevice(ByteBuffer head, int at, Device device) {
        head.put(at + DeviceSlot.TAG, ByteStrings.bytes(device.tag()));
        head.putInt(at + DeviceSlot.BLOCKS, (int) device.blocks());
        head.putInt(at + DeviceSlot.MAPPED_BLOCK, (int) device.mappedBlock());
    }

    private long checksum(byte[] head) {
        return Superblock.checksum(Arrays.copyOf(head, Superblock.roomInBlock(options.blockBits())));
    }
}
