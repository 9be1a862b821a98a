package dev.rafter.registry.layout;

import dev.rafter.oci.DocumentException;
import dev.rafter.oci.Json;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.util.OptionalLong;

/** The files of a layout, wherever they lie: a directory or a tar file. Names are relative, with "/". Thread safe. */
interface LayoutFiles {
    /** Length of a file in bytes; empty if there is none of that name. */
    OptionalLong size(String name) throws IOException;

    /** A range within a file that exists. */
    ReadableByteChannel open(String name, long offset, long lengthBytes) throws IOException;

    /** For messages. */
    String describe();

    /**
     * A whole file that must be there and be no bigger than a document may be.
     *
     * @throws DocumentException if it is missing or too big
     */
    default byte[] document(String name) throws IOException {
        String document = name + " of " + describe();
        long size = size(name).orElseThrow(() -> new DocumentException(document, "is missing", null));
        if (size > Json.MAX_DOCUMENT_BYTES) {
            throw new DocumentException(document, "has " + size + " bytes, more than " + Json.MAX_DOCUMENT_BYTES, null);
        }
        ByteBuffer bytes = ByteBuffer.allocate((int) size);
        try (ReadableByteChannel channel = open(name, 0, size)) {
            while (bytes.hasRemaining() && channel.read(bytes) >= 0) {
                // until it is full; a file range ends early with an exception
            }
        }
        return bytes.array();
    }
}
