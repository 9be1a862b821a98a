package dev.rafter.format.tar;

import java.io.IOException;
import java.util.Arrays;

/** The contents of the current entry: stored regions, and holes between them. */
final class TarContents {
    private final TarInput in;
    private final long size;
    private final SparseMap map;
    private final int padding;
    private long position;
    /** The region that the position is in or before. */
    private int region;

    private TarContents(TarInput in, long size, SparseMap map) {
        this.in = in;
        this.size = size;
        this.map = map;
        this.padding = TarLayout.padding(map.storedSize());
    }

    static TarContents none(TarInput in) {
        return plain(in, 0);
    }

    static TarContents plain(TarInput in, long size) {
        SparseMap whole = new SparseMap();
        whole.add(0, size, size);
        return new TarContents(in, size, whole);
    }

    static TarContents sparse(TarInput in, long size, SparseMap map) {
        return new TarContents(in, size, map);
    }

    long size() {
        return size;
    }

    /** Bytes of the hole at the position; 0 in a region and at the end. */
    long hole() {
        return (region < map.count() ? Math.max(map.offset(region), position) : size) - position;
    }

    void skipHole(long count) {
        if (count < 0 || count > hole()) {
            throw new IllegalArgumentException("count=" + count + " hole=" + hole());
        }
        position += count;
    }

    int read(byte[] target, int offset, int length) throws IOException {
        if (position == size) {
            return -1;
        }
        long hole = hole();
        if (hole > 0) {
            int count = (int) Math.min(hole, length);
            Arrays.fill(target, offset, offset + count, (byte) 0);
            position += count;
            return count;
        }
        int count = in.read(target, offset, (int) Math.min(length, regionEnd() - position));
        if (count < 0) {
            throw in.cut();
        }
        advance(count);
        return count;
    }

    private long regionEnd() {
        return map.offset(region) + map.size(region);
    }

    private void advance(long count) {
        position += count;
        if (position == regionEnd()) {
            region++;
        }
    }

    /** Goes over all that is left, and its padding. */
    void finish() throws IOException {
        while (region < map.count()) {
            skipHole(hole());
            long left = regionEnd() - position;
            in.skip(left);
            advance(left);
        }
        in.skipPadding(padding);
    }
}
