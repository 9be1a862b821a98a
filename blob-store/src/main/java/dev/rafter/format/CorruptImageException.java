package dev.rafter.format;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * The bytes of an image are wrong: says what, in which resource (image, blob or file), at which offset, and where it helps,
 * what was expected and what is there.
 */
public final class CorruptImageException extends IOException {
    /** Offset of an error that has no place. */
    public static final long NO_OFFSET = -1;

    private final String problem;
    private final String resource;
    private final long offset;

    /**
     * @param problem what is wrong, as a phrase that needs no context: "chunk bits 31 are over the limit of 23"
     * @param resource the image, blob or file that holds the wrong bytes
     * @param offset byte offset in the resource, or {@link #NO_OFFSET}
     */
    public CorruptImageException(String problem, String resource, long offset) {
        this(problem, resource, offset, null);
    }

    public CorruptImageException(String problem, String resource, long offset, @Nullable Throwable cause) {
        super(message(problem, resource, offset), cause);
        this.problem = problem;
        this.resource = resource;
        this.offset = offset;
    }

    private static String message(String problem, String resource, long offset) {
        return offset == NO_OFFSET
                ? resource + ": " + problem
                : resource + ": " + problem + " (at byte " + offset + ")";
    }

    public String problem() {
        return problem;
    }

    public String resource() {
        return resource;
    }

    /** Byte offset in the resource, or {@link #NO_OFFSET}. */
    public long offset() {
        return offset;
    }
}
