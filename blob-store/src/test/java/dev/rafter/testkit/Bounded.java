package dev.rafter.testkit;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.concurrent.TimeUnit;

/** Runs what must stay within a second and 64 MB, whatever its input. */
public final class Bounded {
    private static final long MAX_MILLIS = 1000;
    private static final long MAX_ALLOCATED_BYTES = 64L << 20;

    private Bounded() {}

    /** Something that reads hostile bytes. */
    public interface Action<T, X extends Exception> {
        T run() throws X;
    }

    public static <T, X extends Exception> T run(Action<T, X> action) throws X {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long allocatedBefore = threads.getCurrentThreadAllocatedBytes();
        long before = System.nanoTime();
        T result = action.run();
        long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - before);
        long allocated = threads.getCurrentThreadAllocatedBytes() - allocatedBefore;
        assertTrue(millis <= MAX_MILLIS, "took " + millis + " ms");
        assertTrue(allocated <= MAX_ALLOCATED_BYTES, "allocated " + allocated + " bytes");
        return result;
    }
}
