package dev.rafter.image;

import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import java.io.IOException;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A disk without space, told apart from other failures: the JDK says so only in the messages of its exceptions. */
final class DiskFull {
    private static final int MAX_CAUSES = 10;

    private DiskFull() {}

    /** What writes to a disk. */
    interface Work<T> {
        T run() throws IOException;
    }

    /** Runs; if the disk gets full, it fails with this message instead, as something that the node lacks. */
    static <T> T explained(Work<T> work, String message) throws IOException {
        try {
            return work.run();
        } catch (IOException e) {
            throw isDiskFull(e) ? new FailureException(FailureKind.NODE, message, e) : e;
        }
    }

    private static boolean isDiskFull(Throwable thrown) {
        return Stream.<@Nullable Throwable>iterate(thrown, cause -> cause == null ? null : cause.getCause())
                .limit(MAX_CAUSES)
                .takeWhile(cause -> cause != null)
                .map(cause -> String.valueOf(cause == null ? null : cause.getMessage()))
                .anyMatch(message ->
                        message.contains("No space left on device") || message.contains("Disk quota exceeded"));
    }
}
