package dev.rafter.linux.fanotify;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.rafter.fdstore.FdStore;
import dev.rafter.linux.Fd;
import dev.rafter.linux.FdChannel;
import dev.rafter.linux.KernelException;
import dev.rafter.linux.Mounts;
import dev.rafter.ondemand.OnDemandSource;
import dev.rafter.ondemand.Transport;
import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandle;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Real files, real events: an EROFS mount whose device starts as one hole reads as if it were whole. Readers are other processes. */
@Timeout(120)
final class FanotifyTransportTest {
    private static final int BLOCK = 4096;
    private static final int FILE_SIZE = 3 << 20;

    private Path folder;
    private Path image;
    private Path original;
    private Path device;
    private Path target;
    private FdChannel written;
    private FanotifyTransport transport;
    private Transport.Guard guard;
    private Source source;

    /** Copies blocks from the original, as they are asked for. */
    private final class Source implements OnDemandSource {
        private final BitSet ready = new BitSet();
        private final AtomicInteger asked = new AtomicInteger();
        private final AtomicBoolean broken = new AtomicBoolean();

        @Override
        public String describe() {
            return "test device";
        }

        @Override
        public synchronized boolean isReady(long offset, long lengthBytes) {
            int first = (int) (offset / BLOCK);
            return ready.nextClearBit(first) > (offset + lengthBytes - 1) / BLOCK;
        }

        @Override
        public void fill(long offset, long lengthBytes) throws IOException {
            asked.incrementAndGet();
            if (broken.get()) {
                throw new IOException("the source is gone");
            }
            ByteBuffer bytes = ByteBuffer.allocateDirect((int) lengthBytes);
            try (FileChannel from = FileChannel.open(original)) {
                from.read(bytes, offset);
            }
            written.write(bytes.flip(), offset);
            synchronized (this) {
                ready.set((int) (offset / BLOCK), (int) ((offset + lengthBytes + BLOCK - 1) / BLOCK));
            }
        }
    }

    @BeforeEach
    void mount() throws Exception {
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/mkfs.erofs")), "needs mkfs.erofs (erofs-utils)");
        assumeTrue("root".equals(System.getProperty("user.name")), "needs root");
        folder = Files.createTempDirectory(Path.of("target").toAbsolutePath(), "fanotify");
        Path tree = Files.createDirectories(folder.resolve("tree"));
        byte[] bytes = new byte[FILE_SIZE];
        for (int i = 0; i < 3; i++) {
            new Random(i).nextBytes(bytes);
            Files.write(tree.resolve("file" + i), bytes);
        }
        image = folder.resolve("image");
        original = folder.resolve("original");
        run("mkfs.erofs", "--quiet", "--chunksize=4096", "--blobdev=" + original, image.toString(), tree.toString());
        device = folder.resolve("device");
        target = Files.createDirectories(folder.resolve("mnt"));
        written = new FdChannel(Fd.open(device, Fd.O_RDWR | Fd.O_CREAT), () -> {});
        written.fd().truncate(Files.size(original));
        source = new Source();
        transport = new FanotifyTransport(folder.resolve("inflight"));
        guard = transport.guard("test", device, source);
        Mounts.mountErofs(image, List.of(device), target);
    }

    @AfterEach
    void unmount() throws Exception {
        if (transport == null) {
            return;
        }
        try {
            Mounts.unmount(target);
        } catch (KernelException e) {
            Mounts.detach(target);
            throw e;
        } finally {
            guard.close();
            transport.close();
            written.close();
            run("rm", "-rf", folder.toString());
        }
    }

    @Test
    void aReaderSeesTheOriginalBytesAndOnlyWhatIsReadIsFilled() throws Exception {
        assertEquals(sum(folder.resolve("tree/file1")), sum(target.resolve("file1")));
        assertTrue(
                source.ready.cardinality() * BLOCK < FILE_SIZE * 3 / 2, () -> source.ready.cardinality() + " blocks");
        assertTrue(transport.stats().filled() > 0);
    }

    @Test
    void manyReadersByReadAndByMapSeeTheSame() throws Exception {
        List<Process> readers = new ArrayList<>();
        String map = "import mmap,sys,hashlib;f=open(sys.argv[1],'rb');"
                + "print(hashlib.sha256(mmap.mmap(f.fileno(),0,access=mmap.ACCESS_READ)).hexdigest())";
        for (int i = 0; i < 64; i++) {
            String file = target.resolve("file" + i % 3).toString();
            readers.add(
                    i % 2 == 0
                            ? new ProcessBuilder("sha256sum", file).start()
                            : new ProcessBuilder("python3", "-c", map, file).start());
        }
        for (int i = 0; i < 64; i++) {
            Process reader = readers.get(i);
            assertTrue(reader.waitFor(60, TimeUnit.SECONDS), "reader " + i + " ends");
            String digest = new String(reader.getInputStream().readAllBytes(), StandardCharsets.UTF_8).substring(0, 64);
            assertEquals(sum(folder.resolve("tree/file" + i % 3)), digest, "reader " + i);
        }
    }

    @Test
    void aRangeThatCannotBeFilledIsAnErrorToItsReaderAndLaterReadsRecover() throws Exception {
        source.broken.set(true);
        Process reader = new ProcessBuilder("cat", target.resolve("file2").toString())
                .redirectErrorStream(true)
                .start();
        String said = new String(reader.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertTrue(reader.waitFor(30, TimeUnit.SECONDS));
        assertEquals(1, reader.exitValue());
        assertTrue(said.contains("Input/output error"), said);
        assertTrue(transport.stats().denied() > 0);
        source.broken.set(false);
        assertEquals(sum(folder.resolve("tree/file2")), sum(target.resolve("file2")));
    }

    @Test
    void aReleasedFileIsTheKernelsAlone() throws Exception {
        source.fill(0, Files.size(original));
        guard.release();
        int before = source.asked.get();
        assertEquals(sum(folder.resolve("tree/file0")), sum(target.resolve("file0")));
        assertEquals(before, source.asked.get());
    }

    @Test
    void oneThatCanTakeNoMoreEventsSaysSo() throws Exception {
        CountDownLatch failed = new CountDownLatch(1);
        Set<Integer> before = polls();
        try (FanotifyTransport broken = new FanotifyTransport(folder.resolve("b"), FdStore.none(), failed::countDown)) {
            Path file = Files.write(folder.resolve("file"), new byte[BLOCK]);
            Transport.Guard unread = broken.guard("broken", file, source);
            Set<Integer> mine = polls();
            mine.removeAll(before);
            assertEquals(1, mine.size(), "one epoll descriptor more");
            replaceByDevNull(mine.iterator().next());
            Process reader = new ProcessBuilder("cat", file.toString()).start();
            assertTrue(failed.await(30, TimeUnit.SECONDS), "it is told");
            unread.close();
            assertTrue(reader.waitFor(30, TimeUnit.SECONDS), "who read is let go of");
        }
    }

    private static Set<Integer> polls() throws IOException {
        Set<Integer> found = new HashSet<>();
        try (DirectoryStream<Path> fds = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
            for (Path fd : fds) {
                if (Files.isSymbolicLink(fd)
                        && Files.readSymbolicLink(fd).toString().equals("anon_inode:[eventpoll]")) {
                    found.add(Integer.valueOf(fd.getFileName().toString()));
                }
            }
        }
        return found;
    }

    /** The number stays taken, so that whoever closes it later closes nothing of somebody else's. */
    private static void replaceByDevNull(int fd) throws Exception {
        Linker linker = Linker.nativeLinker();
        FunctionDescriptor signature = FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT);
        MethodHandle dup2 = linker.downcallHandle(linker.defaultLookup().findOrThrow("dup2"), signature);
        try (Fd nothing = Fd.open(Path.of("/dev/null"), Fd.O_RDONLY)) {
            assertEquals(fd, (int) dup2.invokeExact(nothing.number(), fd));
        } catch (Throwable e) {
            throw new AssertionError("dup2", e);
        }
    }

    private static String sum(Path file) throws Exception {
        return run("sha256sum", file.toString()).substring(0, 64);
    }

    private static String run(String... command) throws Exception {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertTrue(process.waitFor(60, TimeUnit.SECONDS), command[0] + " ends");
        assertEquals(0, process.exitValue(), output);
        return output;
    }
}
