package dev.rafter.registry;

import dev.rafter.oci.Descriptor;

/** What every {@link ImageSource#range} checks of its arguments. */
public final class Ranges {
    private Ranges() {}

    /**
     * @throws IllegalArgumentException if the range is empty or not within the blob
     */
    public static void check(Descriptor descriptor, long offset, long lengthBytes) {
        if (offset < 0 || lengthBytes < 1 || offset > descriptor.size() - lengthBytes) {
            throw new IllegalArgumentException("not a range of blob " + descriptor.digest() + " of " + descriptor.size()
                    + " bytes: offset=" + offset + " lengthBytes=" + lengthBytes);
        }
    }
}
