package dev.rafter.build;

import java.io.IOException;
import java.io.InputStream;

/** Port: where the bytes of one layer come from. */
public interface LayerSource {
    /** For errors and progress: "layer sha256:... of registry.example/app:1". */
    String describe();

    /**
     * The layer as it is stored: a tar, plain or compressed with gzip or zstd. It is read once, to its end, and closed; what verifies it
     * does so at its end.
     */
    InputStream open() throws IOException;
}
