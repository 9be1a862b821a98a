package dev.rafter.mount;

import dev.rafter.ondemand.OnDemandSource;
import java.io.IOException;

/** A guarded file that somebody may still read from, of a mount that could not be taken over: EIO instead of zeros. */
record OrphanedFile(String name) implements OnDemandSource {
    @Override
    public String describe() {
        return "cache file " + name + " of a mount that could not be taken over";
    }

    @Override
    public boolean isReady(long offset, long lengthBytes) {
        return false;
    }

    @Override
    public void fill(long offset, long lengthBytes) throws IOException {
        throw new IOException("nothing is known of its chunks any more");
    }
}
