package dev.rafter.registry.layout;

import dev.rafter.oci.DocumentException;
import dev.rafter.oci.Json;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.channels.ReadableByteChannel;
import java.util.Optional;
import java.util.OptionalLong;

/** The files of a layout, wherever they lie: a directory or a tar file. Names are relative, with "/". Thread safe. */
interface LayoutFiles {
    /** Length of a file in bytes; empty if there is none of that name. */
    OptionalLong size(String name) throws IOException;

    /** A range within a file that exists. */
    ReadableByteChannel open(String name, long offset, long lengthBytes) throws IOException;

    /** A file from its beginning to its end, as it is now: it stays that even where the file is replaced; empty if there is none. */
    Optional<FileRange> open(String name) throws IOException;

    /** For messages. */
    String describe();

    /**
     * A whole file that must be there and be no bigger than a document may be.
     *
     * @throws DocumentException if it is missing or too big
     */
    default byte[] document(String name) throws IOException {
        String document = name + " of " + describe();
        try (FileRange file = open(name).orElseThrow(() -> new DocumentException(document, "is missing", null))) {
            long size = file.remaining();
            if (size > Json.MAX_DOCUMENT_BYTES) {
                throw new DocumentException(
                        document, "has " + size + " bytes, more than " + Json.MAX_DOCUMENT_BYTES, null);
            }
            return Channels.newInputStream(file).readNBytes((int) size);
        }
    }
}
