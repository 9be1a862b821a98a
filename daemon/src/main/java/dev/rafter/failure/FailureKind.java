package dev.rafter.failure;

/** Who can act on a failure; also the exit code of the command line. */
public enum FailureKind {
    /** None of the others, or a bug. */
    FAILURE(1),
    /** The person who gave the command: wrong arguments, wrong configuration. */
    USAGE(2),
    /** Who built the image: its bytes are wrong, or it is of a kind that cannot be used in this way. */
    IMAGE(3),
    /** Who runs the registry or owns the credentials: it answered, and refused. */
    REFUSED(4),
    /** Who runs the registry or the network: it cannot be reached. */
    UNREACHABLE(5),
    /** Who runs the node: kernel, space or privilege is lacking. */
    NODE(6);

    private final int exitCode;

    FailureKind(int exitCode) {
        this.exitCode = exitCode;
    }

    /** The kind with this exit code; FAILURE if there is none. */
    public static FailureKind ofExitCode(int exitCode) {
        for (FailureKind kind : values()) {
            if (kind.exitCode == exitCode) {
                return kind;
            }
        }
        return FAILURE;
    }

    public int exitCode() {
        return exitCode;
    }
}
