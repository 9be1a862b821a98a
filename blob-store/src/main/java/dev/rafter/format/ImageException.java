package dev.rafter.format;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** An image can not be read: its bytes are wrong, or they use what this reader does not take. */
public abstract sealed class ImageException extends IOException
        permits CorruptImageException, UnsupportedImageException {
    /** Offset of an error that has no place. */
    public static final long NO_OFFSET = -1;

    private final String resource;
    private final long offset;

    ImageException(String problem, String resource, long offset, @Nullable Throwable cause) {
        super(resource + ": " + problem + (offset == NO_OFFSET ? "" : " (at byte " + offset + ")"), cause);
        this.resource = resource;
        this.offset = offset;
    }

    /** The image, blob or file that holds the bytes. */
    public String resource() {
        return resource;
    }

    /** Byte offset in the resource, or {@link #NO_OFFSET}. */
    public long offset() {
        return offset;
    }
}
