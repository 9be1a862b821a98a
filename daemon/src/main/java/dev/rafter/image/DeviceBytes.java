package dev.rafter.image;

import java.io.IOException;
import java.nio.ByteBuffer;

/** The bytes of one device, read without a mount. For one thread at a time. */
interface DeviceBytes extends AutoCloseable {
    /**
     * Fills the target from an offset of the device.
     *
     * @throws IOException if that cannot be done, or the bytes are not those that the image promises
     */
    void read(long offset, ByteBuffer target) throws IOException;

    @Override
    void close() throws IOException;
}
