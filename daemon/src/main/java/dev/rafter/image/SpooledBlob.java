package dev.rafter.image;

import dev.rafter.fetch.BlobSource;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.ReadableByteChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;

/**
 * A blob that is fetched as a whole, in one request, when it is first asked for, and read from a file after that: for readers who want all
 * of it, but in another order. What it gives is as little verified as what its source gives. Thread safe.
 */
final class SpooledBlob implements BlobSource {
    private static final int PIECE_BYTES = 256 << 10;

    private final ImageDevice.Lazy device;
    private final FileBlob file;
    private boolean fetched;

    /** @param file made when the blob is fetched; whoever owns its directory removes it */
    SpooledBlob(ImageDevice.Lazy device, Path file) {
        this.device = device;
        this.file = new FileBlob(file);
    }

    @Override
    public String describe() {
        return device.source().describe();
    }

    @Override
    public String host() {
        return device.source().host();
    }

    @Override
    public ReadableByteChannel open(long offset, long lengthBytes, Duration timeout) throws IOException {
        fetch();
        return file.open(offset, lengthBytes, timeout);
    }

    private synchronized void fetch() throws IOException {
        if (fetched) {
            return;
        }
        ByteBuffer piece = ByteBuffer.allocateDirect(PIECE_BYTES);
        try (ReadableByteChannel blob = device.openWhole();
                FileChannel out = FileChannel.open(
                        file.file(),
                        StandardOpenOption.CREATE,
                        StandardOpenOption.TRUNCATE_EXISTING,
                        StandardOpenOption.WRITE)) {
            while (out.position() < device.storedBytes()) {
                if (blob.read(piece.clear()) < 0) {
                    throw new EOFException(
                            describe() + " ends at byte " + out.position() + " of " + device.storedBytes());
                }
                piece.flip();
                while (piece.hasRemaining()) {
                    out.write(piece);
                }
            }
        }
        fetched = true;
    }
}
