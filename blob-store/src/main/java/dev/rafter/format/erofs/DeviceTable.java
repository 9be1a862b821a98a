package dev.rafter.format.erofs;

import dev.rafter.format.CorruptImageException;
import dev.rafter.format.ImageBytes;
import dev.rafter.format.erofs.ErofsLayout.DeviceSlot;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** The devices of an image, and what a block address means: which device, which byte. */
final class DeviceTable {
    private final ImageBytes image;
    private final Superblock superblock;
    private final ErofsImage.Devices mode;
    private final List<Device> devices;
    /** Devices with a place in the flat address space, as {first block, blocks, device id}, by first block. */
    private final List<long[]> mapped;

    private DeviceTable(ImageBytes image, Superblock superblock, ErofsImage.Devices mode, List<Device> devices) {
        this.image = image;
        this.superblock = superblock;
        this.mode = mode;
        this.devices = List.copyOf(devices);
        this.mapped = mapped(devices);
    }

    static DeviceTable read(ImageBytes image, Superblock superblock, ErofsImage.Devices mode)
            throws CorruptImageException {
        long offset = superblock.deviceTableOffset();
        image.check(offset, (long) superblock.extraDevices() * DeviceSlot.SIZE, "the device table");
        List<Device> devices = new ArrayList<>(superblock.extraDevices());
        for (int i = 0; i < superblock.extraDevices(); i++) {
            devices.add(slot(image, superblock, offset + (long) i * DeviceSlot.SIZE));
        }
        DeviceTable table = new DeviceTable(image, superblock, mode, devices);
        table.checkNoOverlap();
        return table;
    }

    private static Device slot(ImageBytes image, Superblock superblock, long offset) throws CorruptImageException {
        String tag = image.string(offset + DeviceSlot.TAG, DeviceSlot.TAG_SIZE, "a device's tag");
        int end = tag.indexOf('\0');
        long blocks = image.u32(offset + DeviceSlot.BLOCKS, "a device's blocks");
        long mappedBlock = image.u32(offset + DeviceSlot.MAPPED_BLOCK, "a device's mapped block");
        if (superblock.has(ErofsLayout.INCOMPAT_48BIT)) {
            blocks |= (long) image.u16(offset + DeviceSlot.BLOCKS_HIGH, "a device's blocks") << 32;
            mappedBlock |= (long) image.u16(offset + DeviceSlot.MAPPED_BLOCK_HIGH, "a device's mapped block") << 32;
        }
        return new Device(end < 0 ? tag : tag.substring(0, end), blocks, mappedBlock);
    }

    private static List<long[]> mapped(List<Device> devices) {
        List<long[]> ranges = new ArrayList<>();
        for (int i = 0; i < devices.size(); i++) {
            Device device = devices.get(i);
            if (device.mappedBlock() != 0) {
                ranges.add(new long[] {device.mappedBlock(), device.blocks(), i + 1});
            }
        }
        ranges.sort(Comparator.comparingLong(range -> range[0]));
        return ranges;
    }

    private void checkNoOverlap() throws CorruptImageException {
        for (int i = 1; i < mapped.size(); i++) {
            long[] before = mapped.get(i - 1);
            long[] range = mapped.get(i);
            if (before[0] + before[1] > range[0]) {
                throw image.corrupt(
                        "devices " + before[2] + " and " + range[2] + " overlap in the flat address space",
                        superblock.deviceTableOffset() + (range[2] - 1) * DeviceSlot.SIZE);
            }
        }
    }

    List<Device> devices() {
        return devices;
    }

    /** The bits of a device id that count. */
    int idMask() {
        int ids = devices.size() + 1;
        return ids == 1 ? 0 : (Integer.highestOneBit(ids - 1) << 1) - 1;
    }

    /**
     * Finds where a run of blocks lies, and passes it to the sink.
     *
     * @param chunk number of the file's chunk that the run is, or -1: for errors
     * @param entryOffset where the address is stored
     */
    void resolve(
            StoredInode file,
            long chunk,
            long fileOffset,
            long length,
            int deviceId,
            long block,
            long entryOffset,
            ExtentReader.Sink sink)
            throws CorruptImageException {
        if (deviceId > devices.size()) {
            throw image.corrupt(
                    where(file, chunk) + " lies in device " + deviceId + " of " + devices.size() + " devices",
                    entryOffset);
        }
        int device = deviceId;
        long address = block;
        if (mode == ErofsImage.Devices.FLAT && deviceId > 0) {
            device = 0;
            address += devices.get(deviceId - 1).mappedBlock();
        } else if (deviceId == 0 && mode == ErofsImage.Devices.SEPARATE) {
            long[] range = mappedAt(block);
            device = (int) range[2];
            address -= range[0];
        }
        long offset = address << superblock.blockBits();
        if (offset > size(device) - length) {
            throw image.corrupt(
                    where(file, chunk) + ", " + length + " bytes at block " + address + ", reaches over the end of "
                            + (device == 0 ? "the image" : "device " + device) + " (" + size(device) + " bytes)",
                    entryOffset);
        }
        sink.extent(fileOffset, length, device, offset);
    }

    private static String where(StoredInode file, long chunk) {
        return file.name() + ": " + (chunk < 0 ? "its data" : "chunk " + chunk);
    }

    private static final long[] PRIMARY = {0, 0, 0};

    /** The device that an address of the flat address space belongs to: unified addresses, which have no device id. */
    private long[] mappedAt(long block) {
        int low = 0;
        int high = mapped.size();
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (mapped.get(middle)[0] <= block) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        long[] range = low == 0 ? PRIMARY : mapped.get(low - 1);
        return block < range[0] + range[1] ? range : PRIMARY;
    }

    private long size(int device) {
        return device == 0 ? image.length() : devices.get(device - 1).blocks() << superblock.blockBits();
    }
}
