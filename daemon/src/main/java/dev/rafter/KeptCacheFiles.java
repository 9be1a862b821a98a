package dev.rafter;

import dev.rafter.blob.CacheFile;
import dev.rafter.fdstore.FdStore;
import dev.rafter.linux.Fd;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Opens cache files before they are guarded, and has the fd store keep their descriptors: the next daemon cannot open a guarded file for
 * itself, it would have to answer its own events. A file is known by the name of its directory.
 */
final class KeptCacheFiles implements CacheFile.Opener {
    private static final Logger LOG = LoggerFactory.getLogger(KeptCacheFiles.class);
    private static final String KEPT = "data.";

    private final FdStore store;

    KeptCacheFiles(FdStore store) {
        this.store = store;
    }

    @Override
    public CacheFile open(Path file) throws IOException {
        String name = KEPT + file.getName(file.getNameCount() - 2);
        Optional<Fd> left = store.take(name);
        if (left.isPresent()) {
            if (Files.exists(file) && Files.isSameFile(left.get().path(), file)) {
                return kept(left.get(), name);
            }
            LOG.warn("{} is not the file that the last daemon had", file);
            left.get().close();
        }
        Fd fd = Fd.open(file, Fd.O_RDWR | Fd.O_CREAT);
        try {
            store.keep(name, fd);
        } catch (IOException e) {
            fd.close();
            throw e;
        }
        return kept(fd, name);
    }

    private CacheFile kept(Fd fd, String name) {
        return new FdCacheFile(fd, () -> store.forget(name));
    }

    /** Lets go of what the last daemon left and nobody has opened. */
    void forgetLeft() {
        for (String name : Set.copyOf(store.left())) {
            if (name.startsWith(KEPT)) {
                store.take(name).ifPresent(Fd::close);
                store.forget(name);
            }
        }
    }
}
