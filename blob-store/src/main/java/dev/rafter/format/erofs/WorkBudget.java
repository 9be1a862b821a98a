package dev.rafter.format.erofs;

import dev.rafter.format.CorruptImageException;
import dev.rafter.format.ImageBytes;

/**
 * Bounds the work that an image can ask for: structures that lie over one another could make a small file name more metadata than
 * a disk holds. In a sound image each lies for itself; only attributes of hard links, and shared ones that do not fit the cache, are read again and again.
 */
final class WorkBudget {
    private static final long FREE_BYTES = 16 << 20;
    private static final int TIMES_THE_IMAGE = 16;

    private final ImageBytes image;
    private final long limit;
    private long spent;

    private WorkBudget(ImageBytes image, long limit) {
        this.image = image;
        this.limit = limit;
    }

    /** For a walk over a whole image. */
    static WorkBudget ofImage(ImageBytes image) {
        return new WorkBudget(image, FREE_BYTES + TIMES_THE_IMAGE * image.length());
    }

    /** For one object, which bounds itself. */
    static WorkBudget unlimited(ImageBytes image) {
        return new WorkBudget(image, Long.MAX_VALUE);
    }

    void charge(long bytes, long offset) throws CorruptImageException {
        if (bytes > limit - spent) {
            throw image.corrupt(
                    "structures overlap: the metadata named so far add up to more than " + limit
                            + " bytes, in an image of " + image.length(),
                    offset);
        }
        spent += bytes;
    }
}
