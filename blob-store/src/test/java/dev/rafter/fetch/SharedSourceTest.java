package dev.rafter.fetch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A blob can be had as long as one of its sources has it. */
@Timeout(30)
final class SharedSourceTest {
    private static final Duration TIMEOUT = Duration.ofSeconds(2);

    private final TestBlob blob = new TestBlob(1, 10);
    private final List<String> asked = new ArrayList<>();
    private final SharedSource shared = new SharedSource();

    /** Does something before it gives the blob's bytes. */
    private final class Place implements BlobSource {
        private final String name;
        private final String host;
        private Opening opening = _ -> {};

        Place(String name) {
            this(name, name);
        }

        Place(String name, String host) {
            this.name = name;
            this.host = host;
            shared.add(this);
        }

        @Override
        public String describe() {
            return name;
        }

        @Override
        public String host() {
            return host;
        }

        @Override
        public ReadableByteChannel open(long offset, long lengthBytes, Duration timeout) throws IOException {
            asked.add(name);
            opening.await(timeout);
            return blob.open(offset, lengthBytes, timeout);
        }
    }

    private interface Opening {
        void await(Duration timeout) throws IOException;
    }

    private static void hang(Duration timeout) throws IOException {
        try {
            Thread.sleep(timeout);
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
        throw new IOException("no answer in " + timeout);
    }

    private void read() throws IOException {
        try (ReadableByteChannel range = shared.open(0, 100, TIMEOUT)) {
            assertTrue(range.read(ByteBuffer.allocate(100)) > 0);
        }
    }

    private List<String> askedToRead() throws IOException {
        asked.clear();
        read();
        return List.copyOf(asked);
    }

    @Test
    void oneThatDoesNotAnswerLeavesTheOthersTimeAndIsAskedLastThen() throws IOException {
        Place dead = new Place("dead");
        Place good = new Place("good");
        dead.opening = SharedSourceTest::hang;
        assertEquals(List.of("dead", "good"), askedToRead());
        assertEquals(List.of("good"), askedToRead());
        assertEquals("good", shared.host());
        good.opening = _ -> {
            throw new IOException("refused");
        };
        dead.opening = _ -> {};
        assertEquals(List.of("good", "dead"), askedToRead());
        assertEquals(List.of("dead"), askedToRead());
    }

    @Test
    void manyPlacesOnOneHostHaveAllTheTimeThereIs() throws IOException {
        for (int i = 0; i < 10; i++) {
            new Place("image " + i, "host").opening = timeout -> {
                assertTrue(timeout.compareTo(TIMEOUT.dividedBy(2)) > 0, timeout::toString);
                throw new IOException("refused");
            };
        }
        new Place("good", "host");
        assertEquals(11, askedToRead().size());
    }

    @Test
    void aHostThatDoesNotAnswerIsAskedOnce() throws IOException {
        new Place("one", "dead").opening = SharedSourceTest::hang;
        new Place("two", "dead").opening = SharedSourceTest::hang;
        new Place("good");
        assertEquals(List.of("one", "good"), askedToRead());
    }

    @Test
    void oneThatBreaksOffIsAskedLast() throws IOException {
        new Place("breaks");
        new Place("good");
        blob.fault = (_, _, _) -> {
            throw new IOException("broken");
        };
        assertThrows(IOException.class, this::read);
        blob.fault = (_, _, _) -> {};
        assertEquals(List.of("good"), askedToRead());
    }

    @Test
    void whenAllFailAllReasonsAreKept() {
        new Place("a").opening = _ -> {
            throw new IOException("first");
        };
        new Place("b").opening = _ -> {
            throw new IOException("second");
        };
        IOException failed = assertThrows(IOException.class, this::read);
        assertEquals("first", failed.getMessage());
        assertEquals("second", failed.getSuppressed()[0].getMessage());
    }

    @Test
    void whatWasTakenAwayIsNotAsked() throws IOException {
        Place gone = new Place("gone");
        new Place("good");
        shared.remove(gone);
        assertEquals(List.of("good"), askedToRead());
    }
}
