package dev.rafter.doctor;

import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** A read through a guarded mount that comes back: by the deadline, or with the end of the guard. */
final class TimedRead {
    private TimedRead() {}

    /** Reads in a thread of its own, which is let go if it does not come back. */
    static byte[] of(Path file, KernelProbe.Guard guard, Duration timeout) throws IOException {
        FutureTask<byte[]> reading = new FutureTask<>(() -> Files.readAllBytes(file));
        Thread reader = Thread.ofPlatform().daemon().name("rafter-doctor").start(reading);
        try {
            return reading.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            throw new FailureException(FailureKind.NODE, "a guarded read failed: " + e.getCause(), e);
        } catch (TimeoutException e) {
            guard.close();
            join(reader, timeout);
            throw new FailureException(
                    FailureKind.NODE, "a guarded read was not answered within " + timeout.toMillis() + " ms", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    private static void join(Thread reader, Duration timeout) {
        try {
            reader.join(timeout);
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }
}
