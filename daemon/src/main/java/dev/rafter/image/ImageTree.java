package dev.rafter.image;

import dev.rafter.blob.ChunkMap;
import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import dev.rafter.format.Extent;
import dev.rafter.format.Inode;
import dev.rafter.format.erofs.ErofsImage;
import dev.rafter.format.rafs.RafsBootstrap;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Looks into an image without mounting it: its tree, and the verified contents of its files. For one thread at a time. */
public final class ImageTree implements AutoCloseable {
    private static final int BUFFER_BYTES = 256 << 10;

    private final OpenedImage image;
    private final int readAheadBytes;
    private final Duration timeout;
    private final Arena arena = Arena.ofConfined();
    private final MemorySegment bootstrap;
    private final ErofsImage filesystem;
    private final Map<Integer, DeviceBytes> devices = new HashMap<>();
    private final ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER_BYTES);
    private final byte[] bytes = new byte[BUFFER_BYTES];
    private final ZeroChunks zeroChunks = new ZeroChunks();

    private ImageTree(OpenedImage image, int readAheadBytes, Duration timeout) throws IOException {
        this.image = image;
        this.readAheadBytes = readAheadBytes;
        this.timeout = timeout;
        try (FileChannel file = FileChannel.open(image.bootstrap(), StandardOpenOption.READ)) {
            bootstrap = file.map(FileChannel.MapMode.READ_ONLY, 0, file.size(), arena);
        }
        filesystem = parse(image, bootstrap);
    }

    /**
     * @param readAheadBytes how many stored bytes are fetched at once: much for whole trees, little for one file
     * @param timeout for each fetch
     */
    public static ImageTree open(OpenedImage image, int readAheadBytes, Duration timeout) throws IOException {
        return new ImageTree(image, readAheadBytes, timeout);
    }

    private static ErofsImage parse(OpenedImage image, MemorySegment bytes) throws IOException {
        if (image.kind() != ImageKind.EROFS) {
            return RafsBootstrap.parse(bytes, image.name()).filesystem();
        }
        return ErofsImage.open(bytes, image.name(), ErofsImage.Devices.SEPARATE);
    }

    public ErofsImage filesystem() {
        return filesystem;
    }

    /** Takes pieces of a file's contents, in order. */
    interface Sink {
        void write(byte[] bytes, int offset, int length) throws IOException;
    }

    /** Writes a regular file's contents, zeros for its holes. */
    public void copy(Inode file, OutputStream out) throws IOException {
        copy(filesystem.extents(file), out::write);
    }

    void copy(List<Extent> extents, Sink sink) throws IOException {
        for (Extent extent : extents) {
            copy(extent, sink);
        }
    }

    void copy(Extent extent, Sink sink) throws IOException {
        for (long done = 0; done < extent.length(); ) {
            int count = (int) Math.min(BUFFER_BYTES, extent.length() - done);
            buffer.clear().limit(count);
            read(extent, done, buffer);
            buffer.flip().get(bytes, 0, count);
            sink.write(bytes, 0, count);
            done += count;
        }
    }

    /** The extents of a regular file without its holes, and without chunks that are known to be all zeros. */
    List<Extent> data(Inode file) throws IOException {
        List<Extent> data = new ArrayList<>();
        filesystem.extents(file, extent -> {
            if (!extent.isHole()) {
                zeroChunks.cut(extent, chunks(extent.device()), data::add);
            }
        });
        return data;
    }

    private Optional<ChunkMap> chunks(int device) {
        return device > 0 && image.devices().get(device - 1) instanceof ImageDevice.Lazy lazy
                ? Optional.of(lazy.chunks())
                : Optional.empty();
    }

    /** Fills the target with bytes of an extent. */
    void read(Extent extent, long offsetInExtent, ByteBuffer target) throws IOException {
        long offset = extent.deviceOffset() + offsetInExtent;
        if (extent.isHole()) {
            while (target.hasRemaining()) {
                target.put((byte) 0);
            }
        } else if (extent.device() == 0) {
            target.put(bootstrap.asSlice(offset, target.remaining()).asByteBuffer());
        } else {
            device(extent.device()).read(offset, target);
        }
    }

    private DeviceBytes device(int number) throws IOException {
        DeviceBytes device = devices.get(number);
        if (device == null) {
            device = switch (image.devices().get(number - 1)) {
                case ImageDevice.Lazy lazy -> new VerifiedDevice(lazy.chunks(), lazy.source(), readAheadBytes, timeout);
                case ImageDevice.Raw raw -> new FileDevice(raw.file());
                case ImageDevice.Missing missing ->
                    throw new FailureException(FailureKind.IMAGE, image.name() + ": " + missing.why());
            };
            devices.put(number, device);
        }
        return device;
    }

    @Override
    public void close() throws IOException {
        for (DeviceBytes device : devices.values()) {
            device.close();
        }
        arena.close();
    }
}
