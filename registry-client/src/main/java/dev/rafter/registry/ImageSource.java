package dev.rafter.registry;

import dev.rafter.oci.Descriptor;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.ReadableByteChannel;
import java.time.Duration;

/**
 * Where one image is read from: a repository of a registry, an OCI layout directory, a docker archive. Thread safe. Documents come
 * verified; ranges of blobs do not: whoever reads them checks the digests of chunks.
 */
public interface ImageSource extends AutoCloseable {
    /** For messages, without credentials, in full: "docker.io/library/debian:12" for what a person wrote as "debian:12". */
    String describe();

    /**
     * What the reference names: the descriptor of an index or a manifest. Asks the registry anew each time.
     *
     * @throws RegistryException if there is none, or it may not be read, or the registry cannot be reached
     */
    Descriptor resolve() throws IOException;

    /** A manifest, index or configuration, its digest and size verified; at most 8 MiB. */
    byte[] document(Descriptor descriptor) throws IOException;

    /** A whole blob as a stream that verifies size and digest: the read that would give the last byte fails when they differ. */
    InputStream blob(Descriptor descriptor) throws IOException;

    /** A range of a blob, not verified; see {@code BlobSource.open} for the contract. */
    ReadableByteChannel range(Descriptor descriptor, long offset, long lengthBytes, Duration timeout)
            throws IOException;

    @Override
    void close();
}
