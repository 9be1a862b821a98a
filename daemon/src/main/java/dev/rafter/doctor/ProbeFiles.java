package dev.rafter.doctor;

import dev.rafter.format.FileNode;
import dev.rafter.format.FileType;
import dev.rafter.format.UnrepresentableFileException;
import dev.rafter.format.erofs.Device;
import dev.rafter.format.erofs.ErofsOptions;
import dev.rafter.format.erofs.ErofsWriter;
import dev.rafter.image.Folders;
import dev.rafter.linux.Fd;
import dev.rafter.linux.FdChannel;
import dev.rafter.linux.Mounts;
import dev.rafter.ondemand.OnDemandSource;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A lazy image as small as it can be, in a directory of its own: a bootstrap with one file, and its device, which begins as a hole. What
 * fills it writes through a descriptor that was opened before any mark, as the daemon does.
 */
final class ProbeFiles implements OnDemandSource, AutoCloseable {
    static final String FILE = "file";

    private static final int SIZE_BYTES = 64 << 10;
    private static final int BLOCK_BYTES = 4096;

    private final Path directory;
    private final FdChannel written;
    private final byte[] content = new byte[SIZE_BYTES];
    private final AtomicInteger asked = new AtomicInteger();

    private ProbeFiles(Path directory, Fd device) {
        this.directory = directory;
        this.written = new FdChannel(device, device::close);
        new Random().nextBytes(content);
    }

    static ProbeFiles create(Path parent) throws IOException {
        Path directory = Files.createTempDirectory(parent, "rafter-doctor-");
        try {
            writeBootstrap(directory.resolve("bootstrap"));
            Fd device = Fd.open(directory.resolve("device"), Fd.O_RDWR | Fd.O_CREAT);
            device.truncate(SIZE_BYTES);
            Files.createDirectory(directory.resolve("mnt"));
            return new ProbeFiles(directory, device);
        } catch (IOException e) {
            Folders.delete(directory);
            throw e;
        }
    }

    private static void writeBootstrap(Path file) throws IOException {
        FileNode root = new FileNode(FileType.DIRECTORY, 0755);
        root.children()
                .put(
                        FILE,
                        new FileNode(FileType.REGULAR, 0644)
                                .contents(new FileNode.Contents.Chunks(
                                        SIZE_BYTES, List.of(new FileNode.ChunkRef(1, -1, 0, SIZE_BYTES)))));
        ErofsOptions options = ErofsOptions.builder()
                .devices(List.of(new Device("doctor", SIZE_BYTES / BLOCK_BYTES, 0)))
                .build();
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            ErofsWriter.layOut(root, options).write(channel);
        } catch (UnrepresentableFileException e) {
            throw new IllegalStateException(e);
        }
    }

    Path bootstrap() {
        return directory.resolve("bootstrap");
    }

    Path device() {
        return directory.resolve("device");
    }

    Path mountPoint() {
        return directory.resolve("mnt");
    }

    byte[] content() {
        return content;
    }

    /** The image, at no place: see {@link Mounts#detachedErofs}. */
    Fd mount() throws IOException {
        return Mounts.detachedErofs(bootstrap(), List.of(device()));
    }

    /** Turns the device into a hole again. */
    void empty() throws IOException {
        written.fd().punchHole(0, SIZE_BYTES);
    }

    /** How often somebody wanted the device filled. */
    int asked() {
        return asked.get();
    }

    @Override
    public String describe() {
        return "the doctor's device";
    }

    @Override
    public boolean isReady(long offset, long lengthBytes) {
        return false;
    }

    @Override
    public void fill(long offset, long lengthBytes) throws IOException {
        asked.incrementAndGet();
        ByteBuffer whole = ByteBuffer.wrap(content);
        while (whole.hasRemaining()) {
            written.write(whole, whole.position());
        }
    }

    @Override
    public void close() throws IOException {
        written.close();
        Folders.delete(directory);
    }
}
