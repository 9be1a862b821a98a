package dev.rafter.blob;

import static dev.rafter.blob.ReadyMapFormat.HEADER_SIZE_BYTES;
import static dev.rafter.blob.ReadyMapFormat.PAGE_SIZE_BYTES;
import static dev.rafter.blob.ReadyMapFormat.SECTOR_CRC_OFFSET;
import static dev.rafter.blob.ReadyMapFormat.SECTOR_SIZE_BYTES;
import static dev.rafter.blob.ReadyMapFormat.WORDS_PER_SECTOR;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.BitSet;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Which blocks of a device are verified and in the cache file; the file is specified in {@link ReadyMapFormat}. Life of a block: its
 * bytes are written, {@link #setReady}, and some time later {@link #snapshotDirty}, fdatasync of the data, {@link #writeSynced}.
 *
 * <p>{@link #isReady} may be called from any thread at any time: a few loads, no lock, no allocation. A block that is seen ready was
 * written before (release, acquire). {@code setReady} may be called from any thread; synchronization to disk is one thread's at a time.
 */
final class ReadyMap implements AutoCloseable {
    private static final VarHandle WORD =
            ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();

    private final FileChannel channel;
    private final Arena mapping = Arena.ofShared();
    private final MemorySegment live;

    private final int blockShift;
    private final long deviceSizeBytes;
    private final long words;
    /** Pages of the live bitmap that have a place on disk, sectors with bits not synced; both guarded by this map's monitor. */
    private final BitSet reservedPages = new BitSet();

    private final BitSet dirtySectors = new BitSet();

    private ReadyMap(FileChannel channel, long deviceSizeBytes, int blockSizeBytes) throws IOException {
        this.channel = channel;
        this.deviceSizeBytes = deviceSizeBytes;
        this.blockShift = Integer.numberOfTrailingZeros(blockSizeBytes);
        this.words = ReadyMapFormat.wordCount(deviceSizeBytes, blockSizeBytes);
        this.live = channel.map(MapMode.READ_WRITE, HEADER_SIZE_BYTES, ReadyMapFormat.liveSizeBytes(words), mapping);
    }

    /**
     * Opens the map of a device. A file that is absent, of another device or block size, truncated or garbage is replaced by an empty
     * map; one of another boot by what was synced in it.
     */
    static ReadyMap open(Path file, long deviceSizeBytes, int blockSizeBytes, UUID bootId) throws IOException {
        long words = ReadyMapFormat.wordCount(deviceSizeBytes, blockSizeBytes);
        ByteBuffer header = header(deviceSizeBytes, blockSizeBytes, bootId);
        if (!Files.isRegularFile(file)) {
            create(file, header, words, null);
        } else {
            try (FileChannel old = FileChannel.open(file, StandardOpenOption.READ)) {
                ByteBuffer found = readHeader(old, words);
                if (!header.equals(found)) {
                    create(file, header, words, isSameDevice(header, found) ? old : null);
                }
            }
        }
        FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
        ReadyMap map = new ReadyMap(channel, deviceSizeBytes, blockSizeBytes);
        map.markUnsyncedDirty();
        return map;
    }

    private static ByteBuffer header(long deviceSizeBytes, int blockSizeBytes, UUID bootId) {
        ByteBuffer header = ReadyMapFormat.allocate(HEADER_SIZE_BYTES)
                .putLong(ReadyMapFormat.MAGIC_OFFSET, ReadyMapFormat.MAGIC)
                .putInt(ReadyMapFormat.VERSION_OFFSET, ReadyMapFormat.VERSION)
                .putInt(ReadyMapFormat.BLOCK_SIZE_OFFSET, blockSizeBytes)
                .putLong(ReadyMapFormat.DEVICE_SIZE_OFFSET, deviceSizeBytes)
                .putLong(ReadyMapFormat.BOOT_ID_OFFSET, bootId.getMostSignificantBits())
                .putLong(ReadyMapFormat.BOOT_ID_OFFSET + Long.BYTES, bootId.getLeastSignificantBits());
        return header.putInt(ReadyMapFormat.CRC_OFFSET, headerCrc(header));
    }

    private static int headerCrc(ByteBuffer header) {
        return ReadyMapFormat.crc(header, ReadyMapFormat.CRC_OFFSET, 0);
    }

    /** The header, or an empty buffer if file or header are not whole. */
    private static ByteBuffer readHeader(FileChannel file, long words) throws IOException {
        ByteBuffer header = ReadyMapFormat.allocate(HEADER_SIZE_BYTES);
        if (file.size() != ReadyMapFormat.fileSizeBytes(words) || !readFully(file, header, 0)) {
            return ReadyMapFormat.allocate(0);
        }
        return header.getInt(ReadyMapFormat.CRC_OFFSET) == headerCrc(header) ? header : ReadyMapFormat.allocate(0);
    }

    /** Whether two headers differ in nothing but the boot. */
    private static boolean isSameDevice(ByteBuffer header, ByteBuffer found) {
        return found.capacity() == HEADER_SIZE_BYTES
                && header.slice(0, ReadyMapFormat.BOOT_ID_OFFSET).equals(found.slice(0, ReadyMapFormat.BOOT_ID_OFFSET));
    }

    private static boolean readFully(FileChannel file, ByteBuffer target, long offset) throws IOException {
        while (target.hasRemaining()) {
            if (file.read(target, offset + target.position()) < 0) {
                return false;
            }
        }
        target.flip();
        return true;
    }

    private static void writeFully(FileChannel file, ByteBuffer source, long offset) throws IOException {
        long end = offset + source.remaining();
        while (source.hasRemaining()) {
            file.write(source, end - source.remaining());
        }
    }

    /** Writes a new file with the synced bits of an old one, or none, in both bitmaps; it replaces the old one in one step. */
    private static void create(Path file, ByteBuffer header, long words, @Nullable FileChannel old) throws IOException {
        AtomicFiles.replace(file, target -> {
            writeFully(target, ReadyMapFormat.allocate(1), ReadyMapFormat.fileSizeBytes(words) - 1);
            writeFully(target, header.duplicate(), 0);
            for (long sector = 0; old != null && sector < ReadyMapFormat.sectorCount(words); sector++) {
                long[] bits = readSector(old, words, sector);
                if (!isEmpty(bits)) {
                    writeSector(target, words, sector, bits);
                    int used = (int) Math.min(WORDS_PER_SECTOR, words - sector * WORDS_PER_SECTOR);
                    ByteBuffer liveWords = ReadyMapFormat.allocate(used * Long.BYTES);
                    liveWords.asLongBuffer().put(bits, 0, used);
                    writeFully(target, liveWords, HEADER_SIZE_BYTES + sector * WORDS_PER_SECTOR * Long.BYTES);
                }
            }
        });
    }

    private static boolean isEmpty(long[] words) {
        for (long word : words) {
            if (word != 0) {
                return false;
            }
        }
        return true;
    }

    /** The words of a synced sector; zeros if it is torn or garbage. */
    private static long[] readSector(FileChannel file, long words, long sector) throws IOException {
        ByteBuffer bytes = ReadyMapFormat.allocate(SECTOR_SIZE_BYTES);
        long[] bits = new long[WORDS_PER_SECTOR];
        if (readFully(file, bytes, ReadyMapFormat.sectorOffset(words, sector))
                && bytes.getInt(SECTOR_CRC_OFFSET) == ReadyMapFormat.crc(bytes, SECTOR_CRC_OFFSET, sector)) {
            bytes.asLongBuffer().get(bits);
        }
        return bits;
    }

    private static void writeSector(FileChannel file, long words, long sector, long[] bits) throws IOException {
        ByteBuffer bytes = ReadyMapFormat.allocate(SECTOR_SIZE_BYTES);
        bytes.asLongBuffer().put(bits);
        bytes.putInt(SECTOR_CRC_OFFSET, ReadyMapFormat.crc(bytes, SECTOR_CRC_OFFSET, sector));
        writeFully(file, bytes, ReadyMapFormat.sectorOffset(words, sector));
    }

    /** After a crash of the daemon live bits may be ahead of the synced ones: they are to be synced now. */
    private void markUnsyncedDirty() throws IOException {
        for (long sector = 0; sector < ReadyMapFormat.sectorCount(words); sector++) {
            long[] bits = liveWords(sector);
            if (!isEmpty(bits) && !Arrays.equals(bits, readSector(channel, words, sector))) {
                dirtySectors.set((int) sector);
            }
        }
    }

    /**
     * Whether every block of a range is ready. The range must lie in the device, rounded up to whole blocks. After the map was closed nothing
     * is.
     *
     * @param lengthBytes at least 1
     */
    boolean isReady(long offset, long lengthBytes) {
        try {
            return coversAll(offset >>> blockShift, (offset + lengthBytes - 1) >>> blockShift);
        } catch (IllegalStateException e) {
            if (mapping.scope().isAlive()) {
                throw e;
            }
            return false;
        }
    }

    private boolean coversAll(long first, long last) {
        long word = first >>> 6;
        long lastWord = last >>> 6;
        long mask = -1L << first;
        while (word < lastWord) {
            if (!covers(word, mask)) {
                return false;
            }
            mask = -1L;
            word++;
        }
        return covers(word, mask & (-1L >>> ~last));
    }

    private boolean covers(long word, long mask) {
        return ((long) WORD.getAcquire(live, word << 3) & mask) == mask;
    }

    /**
     * Makes sure that bits of a range can be set later without running out of disk space: a store into a mapped hole of a full disk would
     * be a fault instead of an error. All of a page is written, since it may be several blocks of the disk; none of its bits is being set,
     * as nobody has reserved them before.
     */
    synchronized void reserve(long offset, long lengthBytes) throws IOException {
        int last = (int) (((offset + lengthBytes - 1) >>> blockShift) / 8 / PAGE_SIZE_BYTES);
        for (int page = (int) ((offset >>> blockShift) / 8 / PAGE_SIZE_BYTES); page <= last; page++) {
            if (!reservedPages.get(page)) {
                long at = (long) page * PAGE_SIZE_BYTES;
                byte[] bits = live.asSlice(at, PAGE_SIZE_BYTES).toArray(ValueLayout.JAVA_BYTE);
                writeFully(channel, ByteBuffer.wrap(bits), HEADER_SIZE_BYTES + at);
                reservedPages.set(page);
            }
        }
    }

    /** Marks every block of a reserved range ready; its bytes are written. */
    void setReady(long offset, long lengthBytes) {
        long first = offset >>> blockShift;
        long last = (offset + lengthBytes - 1) >>> blockShift;
        for (long word = first >>> 6; word <= last >>> 6; word++) {
            long mask = word == first >>> 6 ? -1L << first : -1L;
            mask &= word == last >>> 6 ? -1L >>> ~last : -1L;
            long _ = (long) WORD.getAndBitwiseOrRelease(live, word << 3, mask);
        }
        synchronized (this) {
            dirtySectors.set((int) ((first >>> 6) / WORDS_PER_SECTOR), (int) ((last >>> 6) / WORDS_PER_SECTOR) + 1);
        }
    }

    /** Whether a snapshot would hold anything. */
    synchronized boolean isDirty() {
        return !dirtySectors.isEmpty();
    }

    /** What has become ready since the last call. To be taken before the fdatasync that makes it true on disk. */
    synchronized Snapshot snapshotDirty() {
        int[] sectors = dirtySectors.stream().toArray();
        dirtySectors.clear();
        long[][] bits = new long[sectors.length][];
        for (int i = 0; i < sectors.length; i++) {
            bits[i] = liveWords(sectors[i]);
        }
        return new Snapshot(sectors, bits);
    }

    private long[] liveWords(long sector) {
        long[] bits = new long[WORDS_PER_SECTOR];
        long first = sector * WORDS_PER_SECTOR;
        for (int i = 0; i < WORDS_PER_SECTOR && first + i < words; i++) {
            bits[i] = (long) WORD.getAcquire(live, (first + i) << 3);
        }
        return bits;
    }

    /** Records a snapshot whose data is on stable storage. If this fails, the same sectors are dirty again. */
    void writeSynced(Snapshot snapshot) throws IOException {
        try {
            for (int i = 0; i < snapshot.sectors.length; i++) {
                writeSector(channel, words, snapshot.sectors[i], snapshot.bits[i]);
            }
            channel.force(false);
        } catch (IOException e) {
            synchronized (this) {
                for (int sector : snapshot.sectors) {
                    dirtySectors.set(sector);
                }
            }
            throw e;
        }
    }

    /**
     * Forgets what a failed fdatasync may have lost: the kernel reports such a loss once and then calls the pages clean, so nothing that
     * is not known to be synced counts as ready any more. What was synced is on the same disk: where it cannot be read, nothing counts.
     */
    synchronized void dropUnsynced(Snapshot snapshot) {
        for (int i = 0; i < snapshot.sectors.length; i++) {
            long first = (long) snapshot.sectors[i] * WORDS_PER_SECTOR;
            long[] synced = syncedWords(snapshot.sectors[i]);
            for (int j = 0; j < WORDS_PER_SECTOR && first + j < words; j++) {
                long _ = (long) WORD.getAndBitwiseAnd(live, (first + j) << 3, synced[j]);
            }
        }
    }

    private long[] syncedWords(int sector) {
        try {
            return readSector(channel, words, sector);
        } catch (IOException _) {
            return new long[WORDS_PER_SECTOR];
        }
    }

    long deviceSizeBytes() {
        return deviceSizeBytes;
    }

    @Override
    public void close() throws IOException {
        channel.close();
        mapping.close();
    }

    /** Live words of some sectors at one moment. */
    static final class Snapshot {
        private final int[] sectors;
        private final long[][] bits;

        private Snapshot(int[] sectors, long[][] bits) {
            this.sectors = sectors;
            this.bits = bits;
        }

        boolean isEmpty() {
            return sectors.length == 0;
        }
    }
}
