package dev.rafter.format.erofs;

import java.util.HashMap;
import java.util.Map;

/** A set of inode numbers: a bitmap in pages, since inodes lie close together but images are large. */
final class NidSet {
    private static final int PAGE_BITS = 12;
    private static final int PAGE_MASK = (1 << PAGE_BITS) - 1;

    private final Map<Long, long[]> pages = new HashMap<>();

    boolean contains(long nid) {
        long[] page = pages.get(nid >>> PAGE_BITS);
        return page != null && ((page[word(nid)] >>> nid) & 1) != 0;
    }

    /** True if it was not in the set. */
    boolean add(long nid) {
        long[] page = pages.computeIfAbsent(nid >>> PAGE_BITS, _ -> new long[1 << (PAGE_BITS - 6)]);
        long before = page[word(nid)];
        page[word(nid)] = before | (1L << nid);
        return before != page[word(nid)];
    }

    private static int word(long nid) {
        return (int) (nid & PAGE_MASK) >>> 6;
    }
}
