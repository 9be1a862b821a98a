package dev.rafter.image;

import dev.rafter.fetch.BlobSource;
import dev.rafter.oci.Descriptor;
import dev.rafter.registry.ImageSource;
import java.io.IOException;
import java.nio.channels.ReadableByteChannel;
import java.time.Duration;

/** A blob in the repository of its image. */
record SourceBlob(ImageSource source, Descriptor blob) implements BlobSource {
    @Override
    public String describe() {
        return "blob " + blob.digest() + " of " + source.describe();
    }

    /** "registry.example:5000" of a registry; of what is on disk, how it is named. */
    @Override
    public String host() {
        String where = source.describe();
        int slash = where.indexOf('/');
        return slash < 0 ? where : where.substring(0, slash);
    }

    @Override
    public ReadableByteChannel open(long offset, long lengthBytes, Duration timeout) throws IOException {
        return source.range(blob, offset, lengthBytes, timeout);
    }
}
