package dev.rafter.format;

/** An image is sound as far as was read, but uses a feature that this reader does not take: says which, in which resource, and where. */
public final class UnsupportedImageException extends ImageException {
    private final String feature;

    /**
     * @param feature what the image uses, as a phrase: "a compressed file (layout 3)"
     * @param resource the image, blob or file
     * @param offset byte offset of the place that asks for it, or {@link #NO_OFFSET}
     */
    public UnsupportedImageException(String feature, String resource, long offset) {
        super("not supported: " + feature, resource, offset, null);
        this.feature = feature;
    }

    public String feature() {
        return feature;
    }
}
