package dev.rafter.registry;

import dev.rafter.oci.Descriptor;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** Where one image is written to: a repository of a registry, or an OCI layout directory. Thread safe. */
public interface ImageTarget extends AutoCloseable {
    /** For messages, without credentials. */
    String describe();

    /** Whether the blob is there already. */
    boolean hasBlob(Descriptor descriptor) throws IOException;

    /** Takes the blob over from another repository of the same registry without moving bytes; false if that cannot be done. */
    boolean mountBlob(Descriptor descriptor, ImageSource from) throws IOException;

    /** Writes a blob; what is there already stays. The content is opened again for each attempt. */
    void putBlob(Descriptor descriptor, Content content) throws IOException;

    /**
     * Takes over a file that holds a blob, which the caller wrote and digested itself. It is not digested again, and the file is gone
     * afterwards where the target can move it into its place.
     */
    default void takeBlob(Descriptor descriptor, Path file) throws IOException {
        putBlob(descriptor, () -> Files.newInputStream(file));
    }

    /**
     * Writes a manifest or index under its digest and, if {@code tagged}, under the tag that this target was opened with.
     *
     * @return its descriptor
     */
    Descriptor putManifest(String mediaType, byte[] document, boolean tagged) throws IOException;

    @Override
    void close();

    /** Bytes that can be opened more than once. */
    interface Content {
        InputStream open() throws IOException;
    }
}
