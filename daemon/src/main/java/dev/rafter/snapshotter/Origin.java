package dev.rafter.snapshotter;

import org.jspecify.annotations.Nullable;

/**
 * How an image layer came here: what its snapshot's label {@link Labels#SERVED} tells.
 *
 * @param lazy whether its files are read through the image's EROFS mount; then {@code layer} is known
 * @param explanation why it is not lazy; empty if it is
 * @param layer which layer of which image it was asked for; null if containerd did not say
 */
record Origin(boolean lazy, String explanation, @Nullable ImageLayer layer) {
    static Origin lazy(ImageLayer layer) {
        return new Origin(true, "", layer);
    }

    static Origin pulled(String explanation, @Nullable ImageLayer layer) {
        return new Origin(false, explanation, layer);
    }

    Origin {
        if (lazy && layer == null) {
            throw new IllegalArgumentException("a lazily served snapshot needs its image layer");
        }
    }

    String label() {
        String text = lazy ? "lazily" : "pulled: " + explanation;
        return text.substring(0, Math.min(text.length(), 1024));
    }

    boolean isOf(ImageLayer other) {
        return layer != null && layer.manifest().equals(other.manifest());
    }
}
