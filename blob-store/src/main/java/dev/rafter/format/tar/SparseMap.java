package dev.rafter.format.tar;

import java.util.Arrays;

/** Which regions of a sparse file an archive holds, in ascending order; all between them is holes. In flat arrays: there may be many. */
final class SparseMap {
    private long[] offsets = new long[4];
    private long[] sizes = new long[4];
    private int count;
    private long storedSize;

    /**
     * Adds a region behind those that are there.
     *
     * @return what is wrong with it; "" if it was added
     */
    String add(long offset, long size, long fileSize) {
        if (count == TarLayout.MAX_SPARSE_REGIONS) {
            return "more than " + TarLayout.MAX_SPARSE_REGIONS + " regions";
        }
        if (offset < end() || size < 0 || offset > fileSize || size > fileSize - offset) {
            return "the region of " + size + " bytes at " + offset + " overlaps, or reaches over the file's " + fileSize
                    + " bytes";
        }
        if (size > 0) {
            grow();
            offsets[count] = offset;
            sizes[count++] = size;
            storedSize += size;
        }
        return "";
    }

    private long end() {
        return count == 0 ? 0 : offsets[count - 1] + sizes[count - 1];
    }

    private void grow() {
        if (count == offsets.length) {
            offsets = Arrays.copyOf(offsets, 2 * count);
            sizes = Arrays.copyOf(sizes, 2 * count);
        }
    }

    int count() {
        return count;
    }

    long offset(int region) {
        return offsets[region];
    }

    long size(int region) {
        return sizes[region];
    }

    /** Bytes that the archive holds. */
    long storedSize() {
        return storedSize;
    }
}
