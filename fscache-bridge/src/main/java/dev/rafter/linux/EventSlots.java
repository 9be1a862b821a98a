package dev.rafter.linux;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * A file of the events of one fanotify group that were read and wait for their answers: {@value #SLOTS} slots of {@value
 * #SLOT_SIZE_BYTES} bytes with one event each ({@link EventLayout}), whose length is zero where there is none.
 */
public final class EventSlots {
    public static final int SLOT_SIZE_BYTES = 64;
    public static final int SLOTS = 512;
    public static final int SIZE_BYTES = SLOTS * SLOT_SIZE_BYTES;

    private EventSlots() {}

    /** Whether there is such a file. */
    public static boolean exists(Path file) throws IOException {
        return Files.isRegularFile(file) && Files.size(file) == SIZE_BYTES;
    }

    /** The numbers of the events that wait; empty if that cannot be told. */
    static Optional<IntStream> unanswered(Path file) {
        try {
            return exists(file) ? Optional.of(unanswered(Files.readAllBytes(file))) : Optional.empty();
        } catch (IOException _) {
            return Optional.empty();
        }
    }

    /** A loop over a plain buffer: the supervisor is interpreted, where each access to a memory segment takes microseconds. */
    private static IntStream unanswered(byte[] bytes) {
        MemorySegment slots = MemorySegment.ofArray(bytes);
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder());
        IntStream.Builder numbers = IntStream.builder();
        for (int at = 0; at < bytes.length; at += SLOT_SIZE_BYTES) {
            if (buffer.getInt(at) != 0) {
                numbers.add(EventLayout.fd(slots, at));
            }
        }
        return numbers.build();
    }
}
