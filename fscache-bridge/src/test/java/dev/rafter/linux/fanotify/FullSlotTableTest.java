package dev.rafter.linux.fanotify;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.rafter.fdstore.FdStore;
import dev.rafter.linux.EventSlots;
import dev.rafter.linux.Fd;
import dev.rafter.linux.FdChannel;
import dev.rafter.linux.KernelException;
import dev.rafter.ondemand.OnDemandSource;
import dev.rafter.ondemand.Transport;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** More readers of one file wait at once than there are slots for their events: the rest waits in the kernel, and nobody is forgotten. */
@Timeout(120)
final class FullSlotTableTest {
    private static final int BLOCK = 4096;
    private static final int READERS = EventSlots.SLOTS + 188;
    /** A thread a block; says how many got the right bytes. */
    private static final String READ = """
            import os, sys, threading
            threading.stack_size(65536)
            fd = os.open(sys.argv[1], os.O_RDONLY)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
            right = []
            def read(i):
                try:
                    right.append(os.pread(fd, 4096, 4096 * i) == bytes([i % 251 + 1]) * 4096)
                except OSError as e:
                    right.append(False)
            threads = [threading.Thread(target=read, args=(i,)) for i in range(int(sys.argv[2]))]
            for t in threads: t.start()
            for t in threads: t.join()
            print(right.count(True))
            """;

    private Path folder;
    private Path file;
    private FdChannel written;
    private final Store store = new Store();

    /** Keeps in this process what another one would keep. */
    private static final class Store implements FdStore {
        private final Map<String, Fd> kept = new HashMap<>();

        @Override
        public synchronized Optional<Fd> take(String name) {
            try {
                return kept.containsKey(name) ? Optional.of(kept.get(name).duplicate()) : Optional.empty();
            } catch (KernelException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public synchronized Set<String> left() {
            return Set.copyOf(kept.keySet());
        }

        @Override
        public synchronized boolean keeps(String name) {
            return kept.containsKey(name);
        }

        @Override
        public synchronized void keep(String name, Fd fd) throws IOException {
            kept.put(name, fd.duplicate());
        }

        @Override
        public synchronized void forget(String name) {
            Optional.ofNullable(kept.remove(name)).ifPresent(Fd::close);
        }

        @Override
        public void settle() {}

        @Override
        public void ready() {}

        @Override
        public boolean outlivesThisProcess() {
            return true;
        }
    }

    /** Writes the blocks that it is asked for once it may. */
    private final class Source implements OnDemandSource {
        private final CountDownLatch may = new CountDownLatch(1);
        private final AtomicInteger asked = new AtomicInteger();

        @Override
        public String describe() {
            return "a file of blocks";
        }

        @Override
        public boolean isReady(long offset, long lengthBytes) {
            return false;
        }

        @Override
        public void fill(long offset, long lengthBytes) throws IOException {
            asked.incrementAndGet();
            try {
                may.await();
            } catch (InterruptedException e) {
                throw new IOException(e);
            }
            for (long block = offset / BLOCK; block < (offset + lengthBytes + BLOCK - 1) / BLOCK; block++) {
                write(block);
            }
        }

        private void write(long block) throws IOException {
            ByteBuffer bytes = ByteBuffer.allocate(BLOCK);
            while (bytes.hasRemaining()) {
                bytes.put((byte) (block % 251 + 1));
            }
            written.write(bytes.flip(), block * BLOCK);
        }

        void awaitAsked(int count) throws InterruptedException {
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            while (asked.get() < count) {
                assertTrue(System.nanoTime() < deadline, asked.get() + " events came");
                Thread.sleep(10);
            }
        }
    }

    @BeforeEach
    void prepare() throws IOException {
        assumeTrue("root".equals(System.getProperty("user.name")), "needs root");
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/python3")), "needs python3");
        folder = Files.createTempDirectory(Path.of("target").toAbsolutePath(), "slots");
        file = folder.resolve("file");
        written = new FdChannel(Fd.open(file, Fd.O_RDWR | Fd.O_CREAT), () -> {});
        written.fd().truncate((long) READERS * BLOCK);
    }

    @AfterEach
    void remove() throws IOException {
        if (folder == null) {
            return;
        }
        written.close();
        written.fd().close();
        for (Path folderOrFile : new Path[] {folder.resolve("inflight"), folder}) {
            try (DirectoryStream<Path> files = Files.newDirectoryStream(folderOrFile)) {
                for (Path left : files) {
                    Files.delete(left);
                }
            }
            Files.delete(folderOrFile);
        }
    }

    private FanotifyTransport transport() throws IOException {
        return new FanotifyTransport(folder.resolve("inflight"), store, () -> {});
    }

    private Process read() throws IOException {
        return new ProcessBuilder("python3", "-c", READ, file.toString(), String.valueOf(READERS))
                .redirectErrorStream(true)
                .start();
    }

    private static void assertAllRead(Process readers) throws Exception {
        try {
            assertTrue(readers.waitFor(60, TimeUnit.SECONDS), "some readers hang");
            String said = new String(readers.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertEquals(String.valueOf(READERS), said.strip());
        } finally {
            readers.destroyForcibly();
        }
    }

    @Test
    void whoWaitsInTheKernelIsServedWhenThereIsRoomAgain() throws Exception {
        try (FanotifyTransport transport = transport()) {
            Source source = new Source();
            try (Transport.Guard _ = transport.guard("x", file, source)) {
                Process readers = read();
                source.awaitAsked(EventSlots.SLOTS);
                Thread.sleep(200);
                assertEquals(EventSlots.SLOTS, source.asked.get(), "no event is read that no slot could take");
                source.may.countDown();
                assertAllRead(readers);
                assertEquals(READERS, source.asked.get());
            }
            assertEquals(Set.of(), store.left());
        }
    }

    @Test
    void aFileThatIsReleasedMeanwhileLeavesNobodyWaiting() throws Exception {
        try (FanotifyTransport transport = transport()) {
            Source source = new Source();
            releaseWhileAllWait(transport.guard("x", file, source), source);
            assertEquals(Set.of(), store.left());
        }
    }

    /** As whoever keeps the group and has not let go of it yet: the kernel does not let those go who wait in it. */
    @Test
    void aFileThatIsReleasedWhileSomebodyElseHasItsGroupLeavesNobodyWaiting() throws Exception {
        try (FanotifyTransport transport = transport()) {
            Source source = new Source();
            Transport.Guard guard = transport.guard("x", file, source);
            try (Fd _ = store.take(FdStore.GROUP + "x").orElseThrow()) {
                releaseWhileAllWait(guard, source);
            }
        }
    }

    private void releaseWhileAllWait(Transport.Guard guard, Source source) throws Exception {
        Process readers = read();
        source.awaitAsked(EventSlots.SLOTS);
        for (long block = 0; block < READERS; block++) {
            source.write(block);
        }
        guard.release();
        source.may.countDown();
        assertAllRead(readers);
    }

    /** The first one takes no answer with it: as if its process had died, all that is left are the slots and the group. */
    @Test
    void theNextTransportServesThoseInTheSlotsAndThoseInTheKernel() throws Exception {
        Source dead = new Source();
        FanotifyTransport first = transport();
        first.guard("x", file, dead);
        Process readers = read();
        dead.awaitAsked(EventSlots.SLOTS);
        first.close();
        Source source = new Source();
        source.may.countDown();
        try (FanotifyTransport next = transport();
                Transport.Guard _ = next.adopt("x", source).orElseThrow()) {
            assertAllRead(readers);
            assertEquals(READERS, source.asked.get());
        }
        assertEquals(Set.of(), store.left());
    }
}
