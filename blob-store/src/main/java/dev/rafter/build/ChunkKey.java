package dev.rafter.build;

import java.nio.ByteBuffer;

/** A chunk's digest, as a key: 32 bytes in four numbers. */
record ChunkKey(long a, long b, long c, long d) {
    static ChunkKey of(byte[] digest) {
        ByteBuffer bytes = ByteBuffer.wrap(digest);
        return new ChunkKey(bytes.getLong(), bytes.getLong(), bytes.getLong(), bytes.getLong());
    }

    byte[] bytes() {
        return ByteBuffer.allocate(32)
                .putLong(a)
                .putLong(b)
                .putLong(c)
                .putLong(d)
                .array();
    }
}
