package dev.rafter.failure;

import dev.rafter.format.ImageException;
import dev.rafter.format.UnrepresentableFileException;
import dev.rafter.linux.Errno;
import dev.rafter.linux.KernelException;
import dev.rafter.oci.DocumentException;
import dev.rafter.registry.RegistryException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * A failure as it is told: by the command line as a message and an exit code, by the HTTP interface as JSON.
 *
 * @param kind who can act
 * @param message one paragraph, without credentials
 */
public record Failure(FailureKind kind, String message) {
    private static final int MAX_CAUSES = 20;

    /** What a throwable means to a person. */
    public static Failure of(Throwable thrown) {
        return isOutOfMemory(thrown)
                ? new Failure(
                        FailureKind.NODE,
                        "the memory that this program may use is full; images with very many chunks need more:"
                                + " convert with a larger --chunk-size, or give it more (RAFTER_JAVA_OPTIONS=-Xmx..., now "
                                + (Runtime.getRuntime().maxMemory() >> 20) + " MiB)")
                : ofOther(thrown);
    }

    private static boolean isOutOfMemory(Throwable thrown) {
        return Stream.iterate(thrown, Objects::nonNull, Throwable::getCause)
                .limit(MAX_CAUSES)
                .anyMatch(OutOfMemoryError.class::isInstance);
    }

    private static Failure ofOther(Throwable thrown) {
        return switch (thrown) {
            case FailureException e -> new Failure(e.kind(), message(e));
            case ImageException e -> new Failure(FailureKind.IMAGE, message(e));
            case UnrepresentableFileException e -> new Failure(FailureKind.IMAGE, message(e));
            case DocumentException e -> new Failure(FailureKind.IMAGE, message(e));
            case RegistryException e -> new Failure(ofRegistry(e.reason()), message(e));
            case KernelException e -> new Failure(ofErrno(e.errno()), message(e));
            case NoSuchFileException e -> new Failure(FailureKind.FAILURE, "there is no " + e.getFile());
            case AccessDeniedException e -> new Failure(FailureKind.NODE, "may not access " + e.getFile());
            case FileSystemException e -> new Failure(FailureKind.NODE, message(e));
            case IOException e -> new Failure(FailureKind.FAILURE, message(e));
            case IllegalArgumentException e -> new Failure(FailureKind.USAGE, message(e));
            default -> new Failure(FailureKind.FAILURE, "unexpected: " + thrown + " (--debug shows where)");
        };
    }

    /** What the kernel refuses the node lacks: privilege, space, descriptors, or a newer kernel; unless it is about names or use. */
    private static FailureKind ofErrno(int errno) {
        return switch (errno) {
            case Errno.ENOENT,
                    Errno.EEXIST,
                    Errno.ENOTDIR,
                    Errno.EISDIR,
                    Errno.EBUSY,
                    Errno.EBADF,
                    Errno.ECONNREFUSED -> FailureKind.FAILURE;
            case Errno.EUCLEAN -> FailureKind.IMAGE;
            default -> FailureKind.NODE;
        };
    }

    private static FailureKind ofRegistry(RegistryException.Reason reason) {
        return switch (reason) {
            case NOT_FOUND, UNAUTHORIZED, REFUSED, PROTOCOL -> FailureKind.REFUSED;
            case UNREACHABLE -> FailureKind.UNREACHABLE;
        };
    }

    private static String message(Throwable thrown) {
        String message = thrown.getMessage();
        return message == null ? thrown.getClass().getSimpleName() : message;
    }
}
