package dev.rafter.format.erofs;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;

/** A channel that fills a segment from its start. */
final class SegmentChannel implements WritableByteChannel {
    private final MemorySegment segment;
    private long position;

    SegmentChannel(MemorySegment segment) {
        this.segment = segment;
    }

    @Override
    public int write(ByteBuffer from) {
        int length = from.remaining();
        MemorySegment.copy(MemorySegment.ofBuffer(from), 0, segment, position, length);
        from.position(from.limit());
        position += length;
        return length;
    }

    @Override
    public boolean isOpen() {
        return true;
    }

    @Override
    public void close() {}
}
