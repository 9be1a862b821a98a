package dev.rafter.linux.fanotify;

import static dev.rafter.linux.EventSlots.SIZE_BYTES;
import static dev.rafter.linux.EventSlots.SLOTS;
import static dev.rafter.linux.EventSlots.SLOT_SIZE_BYTES;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.rafter.linux.EventSlots;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The events of one group that were read and wait for their answers, in a shared mapping of a file ({@link EventSlots}): the kernel itself
 * writes an event there when it is read, so no death of this process can lose it. The event thread alone looks for free slots; any thread
 * may say that one is answered.
 */
final class InflightEvents implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(InflightEvents.class);
    private static final VarHandle LENGTH = JAVA_INT.varHandle();

    private final Arena arena = Arena.ofShared();
    private final Path file;
    private final MemorySegment slots;
    private int next;

    private InflightEvents(Path file, FileChannel channel) throws IOException {
        this.file = file;
        slots = channel.map(FileChannel.MapMode.READ_WRITE, 0, SIZE_BYTES, arena);
    }

    /** An empty one. All of the file is written: a mapped hole that finds the disk full later would be a fault. */
    static InflightEvents create(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(
                file,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE,
                StandardOpenOption.CREATE,
                StandardOpenOption.TRUNCATE_EXISTING)) {
            ByteBuffer zeros = ByteBuffer.allocate(SIZE_BYTES);
            while (zeros.hasRemaining()) {
                channel.write(zeros);
            }
            return new InflightEvents(file, channel);
        }
    }

    /** The one that the process before this one left. */
    static InflightEvents reopen(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            return new InflightEvents(file, channel);
        }
    }

    /** All slots; slot {@code i} begins at {@code i * SLOT_SIZE_BYTES}. */
    MemorySegment memory() {
        return slots;
    }

    /** A slot that holds no event; -1 if all do. */
    int free() {
        for (int tried = 0; tried < SLOTS; tried++) {
            int slot = next;
            next = (next + 1) % SLOTS;
            if (isFree(slot)) {
                return slot;
            }
        }
        return -1;
    }

    private boolean isFree(int slot) {
        return (int) LENGTH.getAcquire(slots, (long) slot * SLOT_SIZE_BYTES) == 0;
    }

    /** Says that the event of a slot is answered: after the answer was written, before the event's descriptor is closed. */
    void answered(int slot) {
        LENGTH.setRelease(slots, (long) slot * SLOT_SIZE_BYTES, 0);
    }

    /** Slots whose events wait for answers. */
    List<Integer> unanswered() {
        List<Integer> found = new ArrayList<>();
        for (int slot = 0; slot < SLOTS; slot++) {
            if (!isFree(slot)) {
                found.add(slot);
            }
        }
        return found;
    }

    /** Deletes the file, before another group gets one of its name. The memory stays until {@link #close}. */
    void delete() {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            LOG.warn("the file of a group's events stays: {}", e.toString());
        }
    }

    @Override
    public void close() {
        arena.close();
    }
}
