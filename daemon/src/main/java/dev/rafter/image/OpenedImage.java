package dev.rafter.image;

import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import dev.rafter.oci.Digest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * An image, ready to be mounted or looked into: its bootstrap is on disk, complete, its digest checked and its structure validated.
 *
 * @param name the reference, for messages
 * @param digest of the manifest; of an image file, of the file
 * @param bootstrap the file that the kernel mounts
 * @param devices in the order of the device table
 * @param source what the devices are fetched through; closed with the image
 */
public record OpenedImage(
        String name, Digest digest, ImageKind kind, Path bootstrap, List<ImageDevice> devices, Closer source)
        implements AutoCloseable {

    public OpenedImage {
        devices = List.copyOf(devices);
    }

    /** Ends what an image is read through. */
    public interface Closer {
        void close() throws IOException;
    }

    /** @throws FailureException if the bytes of some device cannot be had */
    public void requireDevices() throws FailureException {
        for (ImageDevice device : devices) {
            if (device instanceof ImageDevice.Missing missing) {
                throw new FailureException(FailureKind.IMAGE, name + ": " + missing.why());
            }
        }
    }

    /**
     * The same image for readers who want all of it in the order of its tree: each blob is fetched once, as a whole, when its first byte
     * is asked for, and kept in a directory of the caller's.
     */
    public OpenedImage spooled(Path directory) {
        List<ImageDevice> spooled = new ArrayList<>();
        for (ImageDevice device : devices) {
            spooled.add(
                    device instanceof ImageDevice.Lazy lazy
                            ? new ImageDevice.Lazy(
                                    lazy.blob(),
                                    lazy.storedBytes(),
                                    lazy.chunks(),
                                    new SpooledBlob(lazy, directory.resolve("spool-" + spooled.size())))
                            : device);
        }
        return new OpenedImage(name, digest, kind, bootstrap, spooled, source);
    }

    @Override
    public void close() throws IOException {
        source.close();
    }
}
