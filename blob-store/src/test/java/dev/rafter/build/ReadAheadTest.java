package dev.rafter.build;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.testkit.Seeds;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A stream that is read ahead gives what it gives without. */
@Timeout(60)
final class ReadAheadTest {
    private final Random random = new Random(Seeds.seed("ReadAheadTest", 1));

    private byte[] bytes(int count) {
        byte[] bytes = new byte[count];
        random.nextBytes(bytes);
        return bytes;
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, (256 << 10) - 1, 256 << 10, (256 << 10) + 1, 1 << 20, 3_000_001})
    void theBytesAreThoseOfTheStream(int count) throws IOException {
        byte[] bytes = bytes(count);
        try (InputStream in = new ReadAhead(new Pieces(new ByteArrayInputStream(bytes)))) {
            assertArrayEquals(bytes, in.readAllBytes());
            assertEquals(-1, in.read());
            assertEquals(-1, in.read(new byte[10], 0, 10));
        }
        try (InputStream in = new ReadAhead(new ByteArrayInputStream(bytes))) {
            for (int i = 0; i < Math.min(count, 600_000); i++) {
                assertEquals(bytes[i] & 0xFF, in.read());
            }
        }
    }

    /** Gives as many bytes at once as it likes. */
    private final class Pieces extends InputStream {
        private final InputStream in;

        Pieces(InputStream in) {
            this.in = in;
        }

        @Override
        public int read() throws IOException {
            return in.read();
        }

        @Override
        public int read(byte[] target, int offset, int length) throws IOException {
            return in.read(target, offset, Math.min(length, 1 + random.nextInt(100_000)));
        }
    }

    @Test
    void aFailureComesBehindTheBytesBeforeItAndStays() throws IOException {
        byte[] bytes = bytes(300_000);
        IOException failure = new IOException("broken");
        InputStream broken = new Failing(() -> failure);
        try (InputStream in = new ReadAhead(new SequenceInputStream(new ByteArrayInputStream(bytes), broken))) {
            assertArrayEquals(bytes, in.readNBytes(bytes.length));
            assertSame(failure, assertThrows(IOException.class, in::read));
            assertSame(failure, assertThrows(IOException.class, () -> in.read(new byte[1], 0, 1)));
        }
    }

    @Test
    void bugsOfTheStreamReachItsReader() throws IOException {
        InputStream bug = new Failing(() -> {
            throw new IllegalStateException("bug");
        });
        try (InputStream in = new ReadAhead(bug)) {
            assertThrows(IllegalStateException.class, in::read);
        }
    }

    /** Cannot be read. */
    private static final class Failing extends InputStream {
        private final Supplier<IOException> failure;

        Failing(Supplier<IOException> failure) {
            this.failure = failure;
        }

        @Override
        public int read() throws IOException {
            throw failure.get();
        }

        @Override
        public int read(byte[] target, int offset, int length) throws IOException {
            throw failure.get();
        }
    }

    @Test
    void whoClosesItEndsTheReadingBeforeTheStreamIsClosed() throws Exception {
        CountDownLatch reading = new CountDownLatch(1);
        AtomicBoolean closed = new AtomicBoolean();
        AtomicBoolean readAfterClose = new AtomicBoolean();
        InputStream endless = new InputStream() {
            @Override
            public int read() {
                return 0;
            }

            @Override
            public int read(byte[] target, int offset, int length) {
                readAfterClose.compareAndSet(false, closed.get());
                reading.countDown();
                Arrays.fill(target, offset, offset + length, (byte) 0);
                return length;
            }

            @Override
            public void close() {
                closed.set(true);
            }
        };
        ReadAhead in = new ReadAhead(endless);
        reading.await();
        in.close();
        assertTrue(closed.get());
        Thread.sleep(20); // a thread that went on reading would have done so by now
        assertFalse(readAfterClose.get());
    }
}
