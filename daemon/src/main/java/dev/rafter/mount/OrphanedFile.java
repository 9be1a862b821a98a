package dev.rafter.mount;

import dev.rafter.ondemand.OnDemandSource;
import dev.rafter.ondemand.Transport;
import java.io.IOException;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A guarded file that somebody may still read from, of a mount that could not be taken over: EIO instead of zeros. When its image is
 * mounted again, the guard is that mount's too, since a second one would not keep this one from denying.
 */
final class OrphanedFile implements OnDemandSource {
    private final String name;
    private volatile @Nullable OnDemandSource filler;
    private Transport.@Nullable Guard guard;

    private OrphanedFile(String name) {
        this.name = name;
    }

    /** Has readers of an orphan get EIO from now on; null if there is no guard of this name. */
    static @Nullable OrphanedFile adopt(Transport transport, String name) throws IOException {
        OrphanedFile orphan = new OrphanedFile(name);
        orphan.guard = transport.adopt(name, orphan).orElse(null);
        return orphan.guard == null ? null : orphan;
    }

    /** Has all readers served from now on; the guard is the caller's. */
    Transport.Guard serve(OnDemandSource source) {
        filler = source;
        return Objects.requireNonNull(guard);
    }

    /** Nobody reads from it. */
    void end() {
        Objects.requireNonNull(guard).close();
    }

    @Override
    public String describe() {
        return "cache file " + name + " of a mount that could not be taken over";
    }

    @Override
    public boolean isReady(long offset, long lengthBytes) {
        OnDemandSource source = filler;
        return source != null && source.isReady(offset, lengthBytes);
    }

    @Override
    public void fill(long offset, long lengthBytes) throws IOException {
        OnDemandSource source = filler;
        if (source == null) {
            throw new IOException("nothing is known of its chunks any more");
        }
        source.fill(offset, lengthBytes);
    }
}
