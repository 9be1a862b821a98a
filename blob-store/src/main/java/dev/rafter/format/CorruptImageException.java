package dev.rafter.format;

import org.jspecify.annotations.Nullable;

/**
 * The bytes of an image are wrong: says what, in which resource (image, blob or file), at which offset, and where it helps,
 * what was expected and what is there.
 */
public final class CorruptImageException extends ImageException {
    private final String problem;

    /**
     * @param problem what is wrong, as a phrase that needs no context: "chunk bits 31 are over the limit of 23"
     * @param resource the image, blob or file that holds the wrong bytes
     * @param offset byte offset in the resource, or {@link #NO_OFFSET}
     */
    public CorruptImageException(String problem, String resource, long offset) {
        this(problem, resource, offset, null);
    }

    public CorruptImageException(String problem, String resource, long offset, @Nullable Throwable cause) {
        super(problem, resource, offset, cause);
        this.problem = problem;
    }

    public String problem() {
        return problem;
    }
}
